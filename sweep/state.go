package sweep

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// StateSchema is the value of State.Schema.
const StateSchema = "netschouw.state/v1"

// State is all that a run must remember to go on after it was stopped, or killed. It is one moment of the run: Place,
// Counts and Sink agree with each other.
type State struct {
	Schema   string   `json:"schema"`
	Run      string   `json:"run"`         // ULID; the resumed run keeps it
	Settings Settings `json:"settings"`    // everything that decides what is asked of whom; the caller's
	Seed     uint64   `json:"seed,string"` // beyond what a JSON number can hold exactly
	Total    uint64   `json:"total"`       // addresses in the order
	Place             // how far the run has come
	Counts   Counts   `json:"counts"` // of the places that are done
	Sink     int64    `json:"sink"`   // bytes of findings that belong to the places that are done: see Keeper
	// Standing are the addresses whose findings are among these bytes although their places are not done yet: they stood
	// there when the run was resumed. See Config.Standing.
	Standing []netip.Addr `json:"standing,omitempty"`
	Started  time.Time    `json:"started"`
	Saved    time.Time    `json:"saved"`
	Version  string       `json:"version"` // of the netschouw that wrote it
	// Told says that the run is complete, and its report is where it belongs; the caller's. Until then there is
	// something to resume, be it only the writing of the report.
	Told bool `json:"told,omitempty"`
}

// Complete says that every address is done.
func (s State) Complete() bool { return s.Cursor >= s.Total }

// ErrConfigChanged is wrapped by the error for a state that belongs to another configuration.
var ErrConfigChanged = errors.New("configuration has changed since the run began")

// Check tells whether a run over total addresses with these settings may go on from s.
func (s State) Check(settings Settings, total uint64) error {
	const remedy = "restore it to resume, or start a new run"
	if diff := s.Settings.diff(settings); diff != "" {
		return fmt.Errorf("run %s: %w: %s: %s", s.Run, ErrConfigChanged, diff, remedy)
	}
	if s.Total != total {
		return fmt.Errorf("run %s: %w: it had %d addresses and there are %d now: %s", s.Run, ErrConfigChanged, s.Total, total, remedy)
	}
	if err := s.Place.check(total); err != nil {
		return fmt.Errorf("run %s: %w: start a new run", s.Run, err)
	}
	return nil
}

// maxState bounds what is read of a state file, in bytes; a real one has a few thousand. The settings of a provider with
// ten thousand prefixes, and as many spans as there can be places in hand, fit.
const maxState = 32 << 20

// LoadState reads what Save wrote. The error wraps fs.ErrNotExist when there is none.
func LoadState(path string) (State, error) {
	f, err := os.Open(path) //nolint:gosec // the operator's own path
	if err != nil {
		return State{}, err
	}
	defer f.Close()
	var s State
	if err := json.NewDecoder(io.LimitReader(f, maxState)).Decode(&s); err != nil {
		return State{}, fmt.Errorf("state %s is damaged: %w: remove it to start a new run", path, err)
	}
	if s.Schema != StateSchema {
		return State{}, fmt.Errorf("state %s has schema %q, want %q: it was written by netschouw %s", path, s.Schema, StateSchema, s.Version)
	}
	return s, nil
}

// Save writes the state so that at every moment, a power cut included, path holds either the old or the new one. The file
// is readable by its owner only.
func (s State) Save(path string) (err error) {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // made 0600
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
			err = fmt.Errorf("state: %w", err)
		}
	}()
	if _, err = f.Write(append(b, '\n')); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename last. Some file systems cannot sync a directory; the rename is then as lasting as they make it.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the operator's own path
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync()
	return nil
}
