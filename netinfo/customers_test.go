package netinfo

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func owner(t *testing.T, c *Customers, a string) string {
	t.Helper()
	o, ok := c.Lookup(addr(a))
	if !ok {
		return "nobody"
	}
	return o.Customer + " " + o.Range.String()
}

func TestCustomersLongestPrefixWins(t *testing.T) {
	c, err := OpenCustomers("testdata/customers/good.csv")
	require.NoError(t, err)
	require.Equal(t, 6, c.Len())
	for a, want := range map[string]string{
		"198.51.100.0": "C1042 198.51.100.0/24", "198.51.100.63": "C1042 198.51.100.0/24", "198.51.100.64": "C7 198.51.100.64/26",
		"198.51.100.79": "C7 198.51.100.64/26", "198.51.100.80": "C7 198.51.100.80/32", "198.51.100.81": "C7 198.51.100.64/26",
		"198.51.100.127": "C7 198.51.100.64/26", "198.51.100.128": "C1042 198.51.100.0/24", "198.51.101.0": "C9 0.0.0.0/0",
		"::ffff:198.51.100.80": "C7 198.51.100.80/32", "0.0.0.0": "C9 0.0.0.0/0", "255.255.255.255": "C9 0.0.0.0/0",
		"2001:db8:40::1": "C1042 2001:db8:40::/48", "2001:db8:40:7::1": "C9 2001:db8:40:7::/64", "2001:db8:40:8::": "C1042 2001:db8:40::/48",
		"2001:db8:41::": "nobody", "2001:db8:3f::": "nobody", "2001:db8:40::1%eth0": "nobody",
	} {
		require.Equal(t, want, owner(t, c, a), a)
	}
	o, _ := c.Lookup(addr("198.51.100.1"))
	require.Equal(t, Owner{Customer: "C1042", Name: "Stroom Data, B.V.", Abuse: "abuse@stroom.example.org",
		Tags: []string{"vps", "prepaid-crypto", "nl"}, Range: netip.MustParsePrefix("198.51.100.0/24")}, o)

	require.Equal(t, []netip.Prefix{netip.MustParsePrefix("198.51.100.80/32"), netip.MustParsePrefix("2001:db8:40:7::/64")}, c.Excluded())
	s := newScope(t, ScopeConfig{Owned: []string{"198.51.100.0/24"}, Exclusions: c.Exclusions()})
	requireRefused(t, s, "198.51.100.80", Excluded)
	require.Equal(t, "testdata/customers/good.csv:5 (customer C7 opted out)", s.Explain(addr("198.51.100.80")).Excluded.Source.String())

	c, err = OpenCustomers("testdata/customers/semicolons.csv")
	require.NoError(t, err)
	o, _ = c.Lookup(addr("198.51.100.1"))
	require.Equal(t, []string{"vps", "nl"}, o.Tags)
	require.Len(t, c.Excluded(), 1)

	var none *Customers
	_, ok := none.Lookup(addr("198.51.100.1"))
	require.False(t, ok)
	_, ok = new(Customers).Lookup(addr("2001:db8::"))
	require.False(t, ok)
}

// Each file has one mistake. The table has every file, and the exact message.
func TestFaultyCustomerLists(t *testing.T) {
	for file, want := range map[string]string{
		"bad-host-bits.csv":      `:2: column prefix: "198.51.100.7/24": host bits are set beyond the prefix length; did you mean 198.51.100.0/24, or 198.51.100.7 alone?`,
		"bad-range.csv":          `:2: column prefix: "198.51.100.4-198.51.100.9": a range that is not one prefix; write prefixes, one a line: 198.51.100.4/30, 198.51.100.8/31`,
		"bad-long-range.csv":     `:2: column prefix: "198.51.100.1-198.51.100.254": a range that is not one prefix; write prefixes, one a line`,
		"bad-no-prefix.csv":      `:2: column prefix: a required value is missing; write a prefix such as 198.51.100.0/24`,
		"bad-no-id.csv":          `:3: column customer_id: a required value is missing; write the customer's number`,
		"bad-short-row.csv":      `:2: column customer_id: a required value is missing; write the customer's number`,
		"bad-mail.csv":           `:2: column abuse_email: "Een <abuse@een.example.org>": not a mail address; write one address such as abuse@example.org, or leave it empty`,
		"bad-mail-header.csv":    `:2: column abuse_email: "abuse@een.example.org\nBcc: x@y.test": not a mail address; write one address such as abuse@example.org, or leave it empty`,
		"bad-exclude.csv":        `:2: column exclude: "yess": neither yes nor no; write yes or no, or leave it empty`,
		"bad-duplicate.csv":      `:4: column prefix: "198.51.100.0/24": the prefix belongs to another customer already; line 2 gives it to "C1", this line to "C2"; keep one`,
		"bad-duplicate-v6.csv":   `:3: column prefix: "2001:db8::/48": the prefix belongs to another customer already; line 2 gives it to "C1", this line to "C2"; keep one`,
		"bad-header-missing.csv": `:1: column customer_id: "prefix,name": the header is not that of a customer list; the column is missing; the first line must be like prefix,customer_id,customer_name,abuse_email,tags,exclude`,
		"bad-header-twice.csv":   `:1: column prefix: the header is not that of a customer list; the column is there twice; remove one`,
		"bad-header-near.csv":    `:1: column excluded: the header is not that of a customer list; did you mean exclude?`,
		"bad-no-header.csv":      `:1: column prefix: "198.51.100.0/24,C1,Een,,,": the header is not that of a customer list; the column is missing; the first line must be like prefix,customer_id,customer_name,abuse_email,tags,exclude`,
		"bad-quote.csv":          `:2: the line is not valid CSV: bare " in non-quoted-field; put a value that holds a quote between quotes, and double the quote; the lines after it were not read`,
		"bad-open-quote.csv":     `:3: the line is not valid CSV: extraneous or missing " in quoted-field; put a value that holds a quote between quotes, and double the quote; the lines after it were not read`,
		"bad-empty.csv":          `: the header is not that of a customer list; the file is empty; its first line must be prefix,customer_id,customer_name,abuse_email,tags,exclude`,
		"bad-utf16.csv":          `:1: the file is UTF-16 text; save it as UTF-8`,
		"missing.csv":            `: the file cannot be read: no such file or directory; correct netinfo.customers, or remove it to leave customers out`,
		"":                       `: the file cannot be read: is a directory; correct netinfo.customers`,
	} {
		path := filepath.Join("testdata", "customers", file)
		c, err := OpenCustomers(path)
		require.Nil(t, c, file)
		var faults *Faults
		require.ErrorAs(t, err, &faults, file)
		require.Equal(t, want, strings.TrimPrefix(err.Error(), path), file)
	}
	files, err := filepath.Glob("testdata/customers/bad-*")
	require.NoError(t, err)
	require.Len(t, files, 19, "a file that is not in the table, or the reverse")
}

func TestCustomersSamePrefixTwice(t *testing.T) {
	c, err := ReadCustomers(strings.NewReader("prefix,customer_id,tags,exclude\n"+
		"198.51.100.0/24,C1,old,yes\n198.51.100.0/24,C1,new,\n"), "c.csv")
	require.NoError(t, err)
	o, _ := c.Lookup(addr("198.51.100.1"))
	require.Equal(t, []string{"new"}, o.Tags)
	require.Equal(t, 1, c.Len())
	require.Len(t, c.Excluded(), 1, "an opt-out is not lost with the line")
}

func TestCustomerFaultsAreCollected(t *testing.T) {
	_, err := ReadCustomers(strings.NewReader("prefix,customer_id,exclude\n"+strings.Repeat("198.51.100.1/24,,maybe\n", 10)), "c.csv")
	require.ErrorContains(t, err, "30 faulty entries:\n  c.csv:2: column prefix: ")
	require.ErrorContains(t, err, "\n  c.csv:2: column customer_id: ")
	require.ErrorContains(t, err, "\n  and 10 more")
}

func TestCustomersAgainstANaiveSearch(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	for range 100 {
		var csv strings.Builder
		csv.WriteString("prefix,customer_id\n")
		var list []netip.Prefix
		for range rnd.IntN(40) {
			a := naiveAddr(rnd.IntN(512))
			p := netip.PrefixFrom(a, a.BitLen()-rnd.IntN(9)).Masked()
			list = append(list, p)
			fmt.Fprintf(&csv, "%s,%s\n", p, p)
		}
		c, err := ReadCustomers(strings.NewReader(csv.String()), "c.csv")
		require.NoError(t, err)
		for i := range 512 {
			a := naiveAddr(i)
			best := netip.Prefix{}
			for _, p := range list {
				if p.Contains(a) && p.Bits() >= best.Bits() {
					best = p
				}
			}
			o, ok := c.Lookup(a)
			require.Equal(t, best.IsValid(), ok, "%s in %v", a, list)
			if ok {
				require.Equal(t, best, o.Range)
				require.Equal(t, best.String(), o.Customer)
			}
		}
	}
}

// manyCustomers makes a list of n prefixes of 1,000 customers, one in ten nested in another.
func manyCustomers(t testing.TB, n int) *Customers {
	var csv strings.Builder
	csv.WriteString("prefix,customer_id,customer_name,tags\n")
	for i := range n {
		p := netip.PrefixFrom(v4(0x0a000000+uint32(i)*16).addr(), 28)
		if i%10 == 9 {
			p = netip.PrefixFrom(v4(0x0a000000+uint32(i-1)*16+4).addr(), 30)
		}
		fmt.Fprintf(&csv, "%s,C%d,Customer %d,vps nl\n", p, i%1000, i%1000)
	}
	c, err := ReadCustomers(strings.NewReader(csv.String()), "customers.csv")
	require.NoError(t, err)
	return c
}

func TestAMillionCustomersFit(t *testing.T) {
	before := heap()
	c := manyCustomers(t, many)
	require.Equal(t, many, c.Len())
	used := heap() - before
	require.Less(t, used, uint64(24*many))
	t.Logf("%d rows: %.1f MB", c.Len(), float64(used)/1e6)
	runtime.KeepAlive(c)
}

func TestCustomersLookupAllocatesNothing(t *testing.T) {
	c := manyCustomers(t, 1000)
	a := addr("10.0.0.77")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, ok := c.Lookup(a); !ok {
			t.Fatal("not found")
		}
	}))
}

func BenchmarkCustomersLookup(b *testing.B) {
	c := manyCustomers(b, 1_000_000)
	rnd := rand.New(rand.NewPCG(11, 12))
	probes := make([]netip.Addr, 4096)
	for i := range probes {
		probes[i] = v4(0x0a000000 + rnd.Uint32N(16_000_000)).addr()
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Lookup(probes[i%len(probes)])
	}
}

func FuzzReadCustomers(f *testing.F) {
	files, _ := filepath.Glob("testdata/customers/*.csv")
	require.NotEmpty(f, files)
	for _, file := range files {
		b := readAll(f, file)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ReadCustomers(strings.NewReader(string(b)), "fuzz.csv")
		if err != nil {
			require.Nil(t, c)
			var faults *Faults
			require.ErrorAs(t, err, &faults)
			require.LessOrEqual(t, len(faults.List), maxFaults)
			return
		}
		require.LessOrEqual(t, c.Len(), strings.Count(string(b), "\n")+1)
		for _, x := range c.Exclusions() {
			_, ok := c.Lookup(x.Prefix.Addr())
			require.True(t, ok, "who opted out is known")
		}
	})
}
