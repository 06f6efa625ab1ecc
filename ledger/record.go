package ledger

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/netinfo"
)

// record is one assessed host on its way into the ledger.
type record struct {
	addr         netip.Addr
	at           time.Time
	verdict      checks.Verdict
	score        float64
	rules        []string // that fired, sorted
	customer     string   // "": not known
	customerName string
	abuse        string
	asn          *uint32
	country      *string
	span         string // the customer's range
	proof        digest // see proofOf
	body         *body  // nil: the evidence that is stored already says the same
}

// digest is as much of a SHA-256 as it takes to notice a difference.
type digest [16]byte

func digestOf(text []byte) digest {
	sum := sha256.Sum256(text)
	return digest(sum[:len(digest{})])
}

// matterOf digests what a finding is compared by from run to run.
func matterOf(verdict checks.Verdict, rules []string, customer string) digest {
	return digestOf([]byte(string(verdict) + "\x00" + customer + "\x00" + text(rules)))
}

// newRecord takes from a finding what the ledger compares.
func newRecord(f *checks.Finding) (*record, error) {
	switch {
	case !f.Address.IsValid() || f.Address.Zone() != "":
		return nil, fmt.Errorf("finding has address %q, which no host has", f.Address)
	case f.Verdict != checks.Match && f.Verdict != checks.Suspect && f.Verdict != checks.Clear:
		return nil, fmt.Errorf("finding of %s has verdict %q", f.Address, f.Verdict)
	case !(f.Score >= 0 && f.Score <= 1):
		return nil, fmt.Errorf("finding of %s has score %v", f.Address, f.Score)
	}
	r := &record{addr: f.Address.Unmap(), at: f.ObservedAt.UTC().Truncate(time.Millisecond), verdict: f.Verdict, score: f.Score, rules: ruleIDs(f.Traits),
		asn: f.Network.ASN, country: f.Network.Country, proof: proofOf(f)}
	if o := f.Owner; o != nil {
		r.customer, r.customerName, r.abuse = o.Customer, o.Name, o.Abuse
		if o.Range.IsValid() {
			r.span = o.Range.String()
		}
	}
	return r, nil
}

// ruleIDs are the rules that fired, sorted, each once.
func ruleIDs(traits []checks.Trait) []string {
	ids := make([]string, len(traits))
	for i, t := range traits {
		ids[i] = t.Rule
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// proofOf digests what a verdict rests on and whom it concerns: two observations of one digest need one evidence. Times,
// banners, PTR records and what no rule spoke of are not in it.
func proofOf(f *checks.Finding) digest {
	type trait struct {
		Rule     string
		Evidence []checks.Evidence
	}
	sum := struct {
		Verdict checks.Verdict
		Score   float64
		Prior   float64
		Packs   []string
		Owner   *netinfo.Owner
		Traits  []trait
	}{f.Verdict, f.Score, f.Prior, f.Packs, f.Owner, make([]trait, len(f.Traits))}
	for i, t := range f.Traits {
		sum.Traits[i] = trait{t.Rule, t.Evidence}
	}
	b, _ := json.Marshal(sum) // numbers, texts and a prefix: always can
	return digestOf(b)
}
