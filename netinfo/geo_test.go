package netinfo

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/stretchr/testify/require"
)

type as struct {
	prefix string
	asn    uint32
	org    string
}

func tree(t testing.TB, kind string, version int) *mmdbwriter.Tree {
	t.Helper()
	w, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, RecordSize: 24, IPVersion: version, IncludeReservedNetworks: true})
	require.NoError(t, err)
	return w
}

func insert(t testing.TB, w *mmdbwriter.Tree, prefix string, rec mmdbtype.Map) {
	t.Helper()
	_, ipnet, err := net.ParseCIDR(prefix)
	require.NoError(t, err)
	require.NoError(t, w.Insert(ipnet, rec))
}

func bytesOf(t testing.TB, w *mmdbwriter.Tree) []byte {
	t.Helper()
	var b bytes.Buffer
	_, err := w.WriteTo(&b)
	require.NoError(t, err)
	return b.Bytes()
}

func asnBytes(t testing.TB, kind string, version int, list ...as) []byte {
	w := tree(t, kind, version)
	for _, a := range list {
		insert(t, w, a.prefix, mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(a.asn), "autonomous_system_organization": mmdbtype.String(a.org)})
	}
	return bytesOf(t, w)
}

func countryBytes(t testing.TB, prefixes map[string]string) []byte {
	w := tree(t, "GeoLite2-Country", 6)
	for p, code := range prefixes {
		insert(t, w, p, mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(code)}})
	}
	return bytesOf(t, w)
}

func write(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, b, 0o600))
	return path
}

var someASNs = []as{
	{"198.51.100.0/24", 64500, "Example Hosting"}, {"203.0.113.0/25", 64501, "Other\x1b[31m Hosting"},
	{"2001:db8:40::/48", 64500, "Example Hosting"}, {"4200::/16", 4200000000, "Large Number"},
}

func TestGeoLookup(t *testing.T) {
	g, err := OpenGeo(write(t, "asn.mmdb", asnBytes(t, "GeoLite2-ASN", 6, someASNs...)),
		write(t, "country.mmdb", countryBytes(t, map[string]string{"198.51.100.0/24": "NL", "2001:db8::/32": "DE"})))
	require.NoError(t, err)
	defer func() { require.NoError(t, g.Close()) }()
	for _, c := range []struct {
		addr    string
		asn     uint32
		org, cc string
	}{
		{"198.51.100.7", 64500, "Example Hosting", "NL"},
		{"::ffff:198.51.100.7", 64500, "Example Hosting", "NL"},
		{"203.0.113.127", 64501, "Other\x1b[31m Hosting", ""},
		{"203.0.113.128", 0, "", ""},
		{"2001:db8:40::1", 64500, "Example Hosting", "DE"},
		{"2001:db8:41::1", 0, "", "DE"},
		{"4200::1", 4200000000, "Large Number", ""},
	} {
		n := g.Lookup(addr(c.addr))
		require.Equal(t, Network{ASN: &c.asn, ASOrg: &c.org, Country: &c.cc}, n, c.addr)
	}
	require.Equal(t, Network{}, g.Lookup(netip.Addr{}))
	require.Equal(t, Network{}, g.Lookup(addr("fe80::1%eth0")))
}

func TestGeoWithoutADatabaseIsNotLookedAt(t *testing.T) {
	g, err := OpenGeo("", "")
	require.NoError(t, err)
	require.Equal(t, Network{}, g.Lookup(addr("198.51.100.7")))
	require.Nil(t, g.ASN())
	require.NoError(t, g.Close())
	require.Equal(t, Network{}, (*Geo)(nil).Lookup(addr("198.51.100.7")))

	only4, err := OpenGeo(write(t, "asn.mmdb", asnBytes(t, "GeoLite2-ASN", 4, as{"198.51.100.0/24", 64500, "Example Hosting"})), "")
	require.NoError(t, err)
	require.NotNil(t, only4.Lookup(addr("198.51.100.7")).ASN)
	require.Equal(t, Network{}, only4.Lookup(addr("2001:db8::1")), "a database without IPv6 says nothing of it")
}

func TestFaultyDatabases(t *testing.T) {
	good := asnBytes(t, "GeoLite2-ASN", 6, someASNs...)
	country := countryBytes(t, map[string]string{"198.51.100.0/24": "NL"})
	badTree := bytes.Clone(good)
	for i := range 64 {
		badTree[i] = 0xfe
	}
	badSize := bytes.Replace(bytes.Clone(good), []byte("record_size\xa1\x18"), []byte("record_size\xa1\x19"), 1)
	require.NotEqual(t, good, badSize, "the writer encodes the record size in another way")
	for name, c := range map[string]struct {
		asn, country []byte
		want         string
	}{
		"empty":          {asn: []byte{}, want: "ASN database PATH: the file is empty; download it again"},
		"text":           {asn: []byte("<html>403 Forbidden</html>"), want: "ASN database PATH: the file is truncated, corrupt or no MMDB file: error opening database: invalid MaxMind DB file; download it again"},
		"truncated":      {asn: good[:len(good)-1], want: "ASN database PATH: the file is truncated, corrupt or no MMDB file"},
		"half":           {asn: good[:len(good)/2], want: "ASN database PATH: the file is truncated, corrupt or no MMDB file"},
		"head lost":      {asn: good[len(good)/2:], want: "ASN database PATH: the file is truncated, corrupt or no MMDB file"},
		"search tree":    {asn: badTree, want: "ASN database PATH: the file is truncated, corrupt or no MMDB file"},
		"record size":    {asn: badSize, want: "ASN database PATH: the file is truncated, corrupt or no MMDB file: unknown record size: 25; download it again"},
		"country as ASN": {asn: country, want: `ASN database PATH: the file is of the kind "GeoLite2-Country"; configure a GeoLite2-ASN or compatible file`},
		"ASN as country": {country: good, want: `country database PATH: the file is of the kind "GeoLite2-ASN"; configure a GeoLite2-Country or compatible file`},
		"unknown kind":   {asn: asnBytes(t, "Own-Inventory", 6, someASNs...), want: `ASN database PATH: the file is of the kind "Own-Inventory"; configure a GeoLite2-ASN or compatible file`},
	} {
		t.Run(name, func(t *testing.T) {
			var asnPath, countryPath string
			if c.asn != nil {
				asnPath = write(t, "x.mmdb", c.asn)
			} else {
				countryPath = write(t, "x.mmdb", c.country)
			}
			g, err := OpenGeo(asnPath, countryPath)
			require.Nil(t, g)
			var dbErr *DatabaseError
			require.ErrorAs(t, err, &dbErr)
			got := bytes.ReplaceAll([]byte(err.Error()), []byte(asnPath+countryPath), []byte("PATH"))
			require.Contains(t, string(got), c.want)
			require.Contains(t, err.Error(), "; "+dbErr.Remedy)
		})
	}
	_, err := OpenGeo("testdata/no.mmdb", "")
	require.EqualError(t, err, "ASN database testdata/no.mmdb: cannot be opened: no such file or directory; correct netinfo.asn_db, or remove it to leave this out")
	_, err = OpenGeo("", "testdata")
	require.EqualError(t, err, "country database testdata: cannot be read: is a directory; the path must be that of an MMDB file")
}

func TestVerify(t *testing.T) {
	db, err := OpenASN(write(t, "asn.mmdb", asnBytes(t, "GeoLite2-ASN", 6,
		as{"198.51.100.0/24", 64500, "Example Hosting"}, as{"198.51.100.64/28", 64501, "Buyer"}, as{"198.51.100.80/28", 64501, "Buyer"},
		as{"198.18.0.0/15", 64500, "Example Hosting"}, as{"203.0.113.0/25", 64502, "Sister"},
		as{"2001:db8::/32", 64500, "Example Hosting"}, as{"2001:db8:40:7::/64", 64503, "Tenant \x1b[31m"})))
	require.NoError(t, err)
	defer db.Close()
	differences := func(asns []uint32, owned ...string) []string {
		got, err := newScope(t, ScopeConfig{Owned: owned}).Verify(db, asns)
		require.NoError(t, err)
		out := []string{}
		for _, d := range got {
			out = append(out, d.String())
		}
		return out
	}
	ours := []uint32{64500}
	require.Empty(t, differences(ours, "198.18.0.0/15"))
	require.Empty(t, differences(ours, "198.18.7.0/24", "198.51.100.0/26", "2001:db8:40::/64"), "a part of what is announced")
	require.Equal(t, []string{"198.51.100.64/27 is announced by AS64501 (\"Buyer\")"}, differences(ours, "198.51.100.0/24"))
	require.Equal(t, []string{"198.51.100.70-198.51.100.75 is announced by AS64501 (\"Buyer\")"}, differences(ours, "198.51.100.70-198.51.100.75"))
	require.Empty(t, differences([]uint32{64500, 64501}, "198.51.100.0/24"))
	require.Equal(t, []string{"203.0.113.0/25 is announced by AS64502 (\"Sister\")", "203.0.113.128/25 is announced by nobody"},
		differences(ours, "203.0.113.0/24"))
	require.Equal(t, []string{"10.0.0.0/8 is announced by nobody", "::1 is announced by nobody", "2001:db8:40:7::/64 is announced by AS64503 (\"Tenant \\x1b[31m\")",
		"fd00::/16 is announced by nobody"}, differences(ours, "10.0.0.0/8", "::1", "2001:db8:40::/48", "fd00::/16"))

	_, err = newScope(t, ScopeConfig{Owned: []string{"198.51.100.0/24"}}).Verify(db, nil)
	require.ErrorIs(t, err, ErrNoASNs)
}

func TestVerifyWithAnIPv4Database(t *testing.T) {
	db, err := OpenASN(write(t, "asn.mmdb", asnBytes(t, "GeoLite2-ASN", 4, as{"198.51.100.0/24", 64500, "Example Hosting"})))
	require.NoError(t, err)
	got, err := newScope(t, ScopeConfig{Owned: []string{"198.51.100.0/25"}}).Verify(db, []uint32{64500})
	require.NoError(t, err)
	require.Empty(t, got)
	_, err = newScope(t, ScopeConfig{Owned: []string{"2001:db8::/48"}}).Verify(db, []uint32{64500})
	require.ErrorContains(t, err, "IPv6 network in an IPv4-only database")
}

// Whatever a file holds: an error or a database, never a crash.
func FuzzOpenGeo(f *testing.F) {
	f.Add(asnBytes(f, "GeoLite2-ASN", 6, someASNs...))
	f.Add(asnBytes(f, "GeoLite2-ASN", 4, someASNs[:2]...))
	f.Add(countryBytes(f, map[string]string{"198.51.100.0/24": "NL"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "x.mmdb")
		require.NoError(t, os.WriteFile(path, b, 0o600))
		if db, err := OpenASN(path); err == nil {
			g := Geo{asn: db}
			g.Lookup(addr("198.51.100.7"))
			g.Lookup(addr("2001:db8:40::7"))
			_, _ = newScope(t, ScopeConfig{Owned: []string{"198.51.100.0/24", "2001:db8::/32"}}).Verify(db, []uint32{64500})
		}
		if g, err := OpenGeo("", path); err == nil {
			g.Lookup(addr("198.51.100.7"))
		}
	})
}
