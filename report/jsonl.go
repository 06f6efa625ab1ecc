package report

import (
	"io"

	"github.com/netschouw/netschouw/checks"
)

// jsonl writes each host as one line, whole and at once: a run that is killed leaves no half a line behind, and a
// reader at the other end of a pipe need not wait.
type jsonl struct {
	w    io.Writer
	opts Options
}

func newJSONL(w io.Writer, opts Options) Writer { return &jsonl{w, opts} }

// Finding implements Writer.
func (j *jsonl) Finding(f checks.Finding) error {
	if wanted, err := j.opts.wanted(&f); !wanted {
		return err
	}
	line, err := encodeFinding(f)
	if err != nil {
		return err
	}
	_, err = j.w.Write(append(line, '\n'))
	return err
}

// Close implements Writer. The lines are hosts only: how complete the run was is in the exit status and the ledger.
func (j *jsonl) Close(Summary) error { return nil }
