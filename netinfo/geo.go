package netinfo

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/oschwald/geoip2-golang"
	"github.com/oschwald/maxminddb-golang"
)

// maxDatabase bounds an MMDB file, in bytes. The largest in circulation, City with everything, is about 100 MB.
const maxDatabase = 1 << 30

// ASNDatabase is a GeoLite2-ASN or compatible MMDB file in memory. It is safe for concurrent use.
type ASNDatabase struct {
	path   string
	lookup *geoip2.Reader
	tree   *maxminddb.Reader // the same bytes, for walking networks, which geoip2 does not offer
}

// Geo answers which network announces an address, and from which country. It is safe for concurrent use.
type Geo struct {
	asn     *ASNDatabase   // nil: not configured
	country *geoip2.Reader // nil: not configured
}

// DatabaseError tells why an MMDB file is of no use.
type DatabaseError struct {
	Path   string
	What   string // the kind that was expected, "ASN" or "country"
	Reason string
	Remedy string
	Err    error
}

func (e *DatabaseError) Error() string {
	msg := fmt.Sprintf("%s database %s: %s", e.What, e.Path, e.Reason)
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return msg + "; " + e.Remedy
}

// Unwrap gives the cause.
func (e *DatabaseError) Unwrap() error { return e.Err }

// OpenGeo reads the MMDB files (MaxMind DB format 2.0). An empty path means that the database is not configured: its
// fields are then "not looked at". A file that is missing, empty, truncated, corrupt or of another kind is a
// *DatabaseError. Files are read into memory rather than mapped, because one that is overwritten in place, as cp does
// and geoipupdate does not, would otherwise kill a running tour with SIGBUS.
func OpenGeo(asnPath, countryPath string) (*Geo, error) {
	var g Geo
	if asnPath != "" {
		db, err := OpenASN(asnPath)
		if err != nil {
			return nil, err
		}
		g.asn = db
	}
	if countryPath != "" {
		buf, err := readDatabase(countryPath, "country")
		if err != nil {
			return nil, err
		}
		g.country, err = openReader(buf, countryPath, "country", func(r *geoip2.Reader, ip net.IP) error {
			_, err := r.Country(ip)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return &g, nil
}

// OpenASN reads an ASN database. The error is a *DatabaseError.
func OpenASN(path string) (*ASNDatabase, error) {
	buf, err := readDatabase(path, "ASN")
	if err != nil {
		return nil, err
	}
	lookup, err := openReader(buf, path, "ASN", func(r *geoip2.Reader, ip net.IP) error {
		_, err := r.ASN(ip)
		return err
	})
	if err != nil {
		return nil, err
	}
	tree, err := maxminddb.FromBytes(buf)
	if err != nil {
		return nil, corrupt(path, "ASN", err)
	}
	return &ASNDatabase{path: path, lookup: lookup, tree: tree}, nil
}

func readDatabase(path, what string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		remedy := "correct netinfo." + strings.ToLower(what) + "_db, or remove it to leave this out"
		return nil, &DatabaseError{path, what, "cannot be opened", remedy, pathless(err)}
	}
	defer file.Close()
	buf, err := io.ReadAll(io.LimitReader(file, maxDatabase+1))
	switch {
	case err != nil:
		return nil, &DatabaseError{path, what, "cannot be read", "the path must be that of an MMDB file", pathless(err)}
	case len(buf) == 0:
		return nil, &DatabaseError{path, what, "the file is empty", "download it again", nil}
	case len(buf) > maxDatabase:
		return nil, &DatabaseError{path, what, "the file is larger than 1 GiB", "the path must be that of an MMDB file", nil}
	}
	return buf, nil
}

func corrupt(path, what string, err error) error {
	return &DatabaseError{path, what, "the file is truncated, corrupt or no MMDB file", "download it again", err}
}

// openReader opens the database and asks it questions that only its kind can answer, all over the address space, so that
// a corrupt file is found now and not in the middle of a tour.
func openReader(buf []byte, path, what string, ask func(*geoip2.Reader, net.IP) error) (r *geoip2.Reader, err error) {
	defer func() {
		// The decoder is meant to check its bounds; a file is not worth a crash if it does not.
		if p := recover(); p != nil {
			r, err = nil, corrupt(path, what, fmt.Errorf("%v", p))
		}
	}()
	r, err = geoip2.FromBytes(buf)
	var unknown geoip2.UnknownDatabaseTypeError
	if errors.As(err, &unknown) {
		return nil, wrongKind(path, what, unknown.DatabaseType)
	}
	if err != nil {
		return nil, corrupt(path, what, err)
	}
	for _, ip := range samples(r.Metadata().IPVersion) {
		err := ask(r, ip)
		var invalid geoip2.InvalidMethodError
		if errors.As(err, &invalid) {
			return nil, wrongKind(path, what, invalid.DatabaseType)
		}
		if err != nil {
			return nil, corrupt(path, what, err)
		}
	}
	return r, nil
}

// samples are addresses spread over the space: one in each IPv4 /8, and one in each /11 of the IPv6 global unicast
// space (RFC 4291).
func samples(version uint) []net.IP {
	var out []net.IP
	for i := range 256 {
		out = append(out, net.IPv4(byte(i), 1, 0, 1).To4())
	}
	if version == 6 {
		for i := range 256 {
			ip := make(net.IP, net.IPv6len)
			ip[0], ip[1] = 0x20|byte(i>>3), byte(i<<5)
			out = append(out, ip)
		}
	}
	return out
}

func wrongKind(path, what, kind string) error {
	remedy := "configure a GeoLite2-" + what + " or compatible file"
	if what == "country" {
		remedy = "configure a GeoLite2-Country or compatible file"
	}
	return &DatabaseError{path, what, fmt.Sprintf("the file is of the kind %q", kind), remedy, nil}
}

// Lookup fills in what the databases say of an address: ASN, ASOrg and Country. A field stays nil when its database is
// not configured, or fails on this address.
func (g *Geo) Lookup(a netip.Addr) Network {
	var n Network
	a = a.Unmap()
	if g == nil || !a.IsValid() || a.Zone() != "" {
		return n
	}
	if g.asn != nil {
		if rec, err := g.asn.lookup.ASN(a.AsSlice()); err == nil {
			asn := uint32(rec.AutonomousSystemNumber)
			n.ASN, n.ASOrg = &asn, &rec.AutonomousSystemOrganization
		}
	}
	if g.country != nil {
		if rec, err := g.country.Country(a.AsSlice()); err == nil {
			code := rec.Country.IsoCode
			n.Country = &code
		}
	}
	return n
}

// ASN returns the ASN database for Scope.Verify; nil when none is configured.
func (g *Geo) ASN() *ASNDatabase { return g.asn }

// Close releases the databases. Nothing may be looked up during or after it.
func (g *Geo) Close() error {
	var errs []error
	if g.asn != nil {
		errs = append(errs, g.asn.Close())
	}
	if g.country != nil {
		errs = append(errs, g.country.Close())
	}
	return errors.Join(errs...)
}

// Close releases the database.
func (d *ASNDatabase) Close() error { return errors.Join(d.lookup.Close(), d.tree.Close()) }
