package report

import (
	"cmp"
	"io"
	"net/netip"
	"slices"

	"github.com/netschouw/netschouw/checks"
)

// text writes a report for people. It puts the worst first, and therefore holds what it shows until Close: one small
// row a host, and the whole of at most twice as many hosts as get a card.
type text struct {
	w     io.Writer
	opts  Options
	rows  []row
	cards []checks.Finding
}

// row is a host in the table.
type row struct {
	address  netip.Addr
	verdict  checks.Verdict
	score    float64
	groups   []string
	customer string // the customer's number, as it is shown
	owner    string // the same, raw
	under    string // the address: a PTR name, or why there is none, and the customer's name
}

func newText(w io.Writer, opts Options) Writer { return &text{w: w, opts: opts} }

// Finding implements Writer.
func (t *text) Finding(f checks.Finding) error {
	opts := t.opts
	opts.All = opts.All || opts.Detail
	if wanted, err := opts.wanted(&f); !wanted {
		return err
	}
	t.rows = append(t.rows, t.row(&f))
	if f.Verdict == checks.Clear && !t.opts.Detail {
		return nil
	}
	t.cards = append(t.cards, f)
	if len(t.cards) >= 2*t.opts.Cards {
		t.sort()
		clear(t.cards[t.opts.Cards:])
		t.cards = t.cards[:t.opts.Cards]
	}
	return nil
}

func (t *text) row(f *checks.Finding) row {
	words := languages[t.opts.Lang]
	r := row{address: f.Address, verdict: f.Verdict, score: f.Score, groups: f.Groups, under: ptrLine(f, &words)}
	if f.Owner != nil {
		r.customer, r.owner = Terminal(f.Owner.Customer, 12), f.Owner.Customer
		if name := Terminal(f.Owner.Name, 40); name != "" {
			r.under += " · " + name
		}
	}
	return r
}

// sort puts matches first, then by score, then by address.
func (t *text) sort() {
	rank := map[checks.Verdict]int{checks.Match: 0, checks.Suspect: 1, checks.Clear: 2}
	slices.SortStableFunc(t.rows, func(a, b row) int {
		return cmp.Or(rank[a.verdict]-rank[b.verdict], cmp.Compare(b.score, a.score), a.address.Compare(b.address))
	})
	slices.SortStableFunc(t.cards, func(a, b checks.Finding) int {
		return cmp.Or(rank[a.Verdict]-rank[b.Verdict], cmp.Compare(b.Score, a.Score), a.Address.Compare(b.Address))
	})
}

// Close implements Writer.
func (t *text) Close(s Summary) error {
	t.sort()
	words := languages[t.opts.Lang]
	p := &page{opts: t.opts, t: &words, rows: t.rows, steps: map[checks.Verdict]string{}, said: map[string]string{}}
	p.head(s)
	alone := t.opts.Detail && len(t.rows) == 1 // one host in full needs no table of itself
	if !alone {
		p.summary(s)
		p.table(t.rows)
	}
	shown := t.cards[:min(len(t.cards), t.opts.Cards)]
	for i := range shown {
		p.card(&shown[i])
	}
	if more := t.due() - len(shown); more > 0 {
		p.gap()
		p.para("", words.of(words.MoreCards, uint64(more)), plain)
	}
	p.meaning(s, t.rows)
	p.notSeen(s)
	_, err := t.w.Write(p.Bytes())
	return err
}

// due is how many of the rows should have a card.
func (t *text) due() int {
	n := 0
	for _, r := range t.rows {
		if r.verdict != checks.Clear || t.opts.Detail {
			n++
		}
	}
	return n
}
