package netinfo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// readFile reads one file of testdata as a list of exclusions.
func readFile(path string) (*collect, *Faults) {
	c := &collect{faults: &Faults{}}
	c.file(path)
	return c, c.faults
}

// Each file has one mistake. The table has every file, and the exact message.
func TestFaultyFilesOfRanges(t *testing.T) {
	expected := "write an address, a prefix such as 198.51.100.0/24, or first-last"
	for file, want := range map[string]string{
		"bad-host-bits.txt":     `:3: "198.51.100.7/24": host bits are set beyond the prefix length; did you mean 198.51.100.0/24, or 198.51.100.7 alone?`,
		"bad-host-bits-v6.txt":  `:1: "2001:db8::1/64": host bits are set beyond the prefix length; did you mean 2001:db8::/64, or 2001:db8::1 alone?`,
		"bad-reversed.txt":      `:1: "198.51.100.9-198.51.100.1": the range ends before it begins; did you mean 198.51.100.1-198.51.100.9?`,
		"bad-families.txt":      `:1: "198.51.100.1-2001:db8::1": the range mixes IPv4 and IPv6; write a range of each family`,
		"bad-leading-zeros.txt": `:1: "198.51.100.007": a number has leading zeros, which some programs read as octal; did you mean 198.51.100.7?`,
		"bad-octet.txt":         `:1: "198.51.100.256/32": not an IP address; each of the four numbers is 0 to 255`,
		"bad-zone.txt":          `:1: "fe80::1%eth0": an address with a zone belongs to one interface of one machine; did you mean fe80::1?`,
		"bad-length.txt":        `:1: "198.51.100.0/33": the prefix length is not possible; write a number from 0 to 32 after the slash`,
		"bad-length-sign.txt":   `:1: "198.51.100.0/+24": the prefix length is not possible; write a number from 0 to 32 after the slash`,
		"bad-length-zeros.txt":  `:1: "198.51.100.0/024": the prefix length is not possible; write a number from 0 to 32 after the slash`,
		"bad-netmask.txt":       `:1: "198.51.100.0/255.255.255.0": a netmask stands where a prefix length is expected; did you mean 198.51.100.0/24?`,
		"bad-name.txt":          `:1: "mail-1.example.org": a host name is not a range; write the addresses of the host`,
		"bad-url.txt":           `:1: "https://198.51.100.7/": a host name is not a range; write the addresses of the host`,
		"bad-port.txt":          `:1: "198.51.100.7:25": a port is not part of a range; did you mean 198.51.100.7?`,
		"bad-brackets.txt":      `:1: "[2001:db8::1]": not an IP address; write it without brackets: 2001:db8::1`,
		"bad-wildcard.txt":      `:1: "198.51.100.*": wildcards are not understood; did you mean 198.51.100.0/24?`,
		"bad-short-end.txt":     `:1: "198.51.100.1-20": not an IP address; write both ends in full: did you mean 198.51.100.1-198.51.100.20?`,
		"bad-dash.txt":          `:1: "198.51.100.1\u2013198.51.100.9": the dash is not a plain hyphen; did you mean 198.51.100.1-198.51.100.9?`,
		"bad-trailing.txt":      `:1: "198.51.100.0/24 203.0.113.0/24": more than one value on a line; write one value per line, comments after #`,
		"bad-comma.txt":         `:1: "198.51.100.1, 198.51.100.2": more than one value on a line; write one value per line, comments after #`,
		"bad-comment.txt":       `:1: "198.51.100.0/24 // office": more than one value on a line; write one value per line, comments after #`,
		"bad-mapped.txt":        `:1: "::ffff:198.51.100.0/90": the prefix reaches beyond the IPv4-mapped addresses; write the IPv4 prefix`,
		"bad-prefix-range.txt":  `:1: "198.51.100.0/24-198.51.101.0/24": the prefix length is not possible; write a number from 0 to 32 after the slash`,
		"bad-no-end.txt":        `:1: "198.51.100.1-": not an IP address; ` + expected,
		"bad-three-numbers.txt": `:1: "198.51.100": not an IP address; ` + expected,
		"bad-escape.txt":        `:1: "\x1b[31m198.51.100.1": not an IP address; ` + expected,
		"bad-utf16.txt":         `:1: the file is UTF-16 text; save it as UTF-8`,
		"bad-long.txt":          `:2: "` + strings.Repeat("A", 40) + `": the line is too long to be a range; write one value per line; is this a list of ranges at all?`,
		"missing.txt":           `: the file cannot be read: no such file or directory; correct the path, or remove it from the configuration`,
		"":                      `: the file cannot be read: is a directory; correct the path, or remove it from the configuration`,
	} {
		path := filepath.Join("testdata", "ranges", file)
		_, faults := readFile(path)
		require.Equal(t, 1, faults.Total, file)
		got := strings.TrimPrefix(faults.Error(), path)
		if file == "" {
			got = strings.TrimPrefix(got, ":1")
		}
		require.Equal(t, want, got, file)
		require.Equal(t, path, faults.List[0].Source.Name)
	}
	files, err := filepath.Glob("testdata/ranges/bad-*")
	require.NoError(t, err)
	require.Len(t, files, 28, "a file that is not in the table, or the reverse")
}

func TestAFileOfRanges(t *testing.T) {
	c, faults := readFile("testdata/ranges/good.txt")
	require.NoError(t, faults.err())
	require.Equal(t, []string{"198.51.100.0/28", "198.51.100.20", "198.51.100.30-198.51.100.33", "203.0.113.0/24",
		"2001:db8:40::/64", "2001:db8:41::1-2001:db8:41::ff"}, rangesOf(c.set()))
	r, src, ok := c.deciding(addr("198.51.100.31"))
	require.True(t, ok)
	require.Equal(t, "198.51.100.30-198.51.100.33 testdata/ranges/good.txt:5", fmt.Sprint(r, " ", src))
}

func TestFaultsAreCollectedUpToTwenty(t *testing.T) {
	c := collect{faults: &Faults{}}
	c.read(strings.NewReader(strings.Repeat("198.51.100.7/24\n", 25)), "owned.txt")
	c.values("scope.excluded", []string{"", "198.51.100.1"})
	err := c.faults.err()
	require.ErrorContains(t, err, "26 faulty entries:\n  owned.txt:1: ")
	require.ErrorContains(t, err, "\n  owned.txt:20: ")
	require.ErrorContains(t, err, "\n  and 6 more")
	require.Equal(t, 22, strings.Count(err.Error(), "\n")+1)
	var f *Fault
	require.ErrorAs(t, err, &f)
	require.Equal(t, ProblemHostBits, f.Problem)

	c = collect{faults: &Faults{}}
	c.values("scope.excluded", []string{"198.51.100.1", " "})
	require.EqualError(t, c.faults.err(), "scope.excluded, entry 2: the value is empty; "+
		"write an address, a prefix such as 198.51.100.0/24, or first-last")
}

func TestAFaultHidesNothingAndShowsNoEscapes(t *testing.T) {
	_, err := ParseRange("\x1b]0;owned\a" + strings.Repeat("x", 500))
	require.ErrorContains(t, err, `"\x1b]0;owned\axxx`)
	require.Less(t, len(err.Error()), 300)
	_, faults := readFile("testdata/ranges/none")
	require.ErrorIs(t, faults.err(), fs.ErrNotExist)
}

// lines makes a file of n lines without holding it.
type lines struct {
	n, at int
	rest  []byte
}

func (l *lines) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		if l.at == l.n {
			return 0, io.EOF
		}
		l.rest = fmt.Appendf(nil, "%s # customer %d\n", v4(0x0a000000+2*uint32(l.at)).addr(), l.at)
		l.at++
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

func TestAMillionLinesAreStreamed(t *testing.T) {
	before := heap()
	c := collect{faults: &Faults{}}
	c.read(&lines{n: many}, "opt-out.txt")
	require.NoError(t, c.faults.err())
	s := c.set()
	used := heap() - before
	require.Equal(t, many, s.Intervals())
	require.Less(t, used, uint64(32*many), "8 bytes for the set and 16 for the source of each")
	t.Logf("%.1f MB with sources", float64(used)/1e6)
	_, src, ok := c.deciding(addr("10.0.0.8"))
	require.True(t, ok)
	require.Equal(t, "opt-out.txt:5", src.String())
	runtime.KeepAlive(s)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("disk is gone") }

func TestAReadErrorIsAFault(t *testing.T) {
	c := collect{faults: &Faults{}}
	c.read(io.MultiReader(strings.NewReader("198.51.100.1\n"), failing{}), "owned.txt")
	require.ErrorContains(t, c.faults.err(), "owned.txt:2: the file cannot be read: disk is gone")
}

func FuzzParseRange(f *testing.F) {
	files, _ := filepath.Glob("testdata/ranges/*")
	for _, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(f, err)
		for line := range bytes.Lines(b) {
			f.Add(string(line))
		}
	}
	f.Add("198.51.100.1-198.51.100.9")
	f.Add("::ffff:198.51.100.1-::ffff:198.51.100.9")
	f.Add("::fffe:0:0/95")
	f.Add("198.,,51.100.1\u201319<.5\n.100.Q\n")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRange(s)
		if err != nil {
			var fault *Fault
			require.ErrorAs(t, err, &fault)
			require.NotEmpty(t, fault.Remedy, "every fault has a remedy")
			require.False(t, strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }), "%q", err.Error())
			require.Equal(t, Range{}, r)
			return
		}
		require.True(t, r.IsValid(), "%q gives %v-%v", s, r.First, r.Last)
		again, err := ParseRange(r.String())
		require.NoError(t, err)
		require.Equal(t, r, again, "String and ParseRange are inverse")
	})
}

func FuzzReadRanges(f *testing.F) {
	files, _ := filepath.Glob("testdata/ranges/*")
	for _, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := collect{faults: &Faults{}}
		c.read(bytes.NewReader(b), "fuzz.txt")
		require.LessOrEqual(t, len(c.faults.List), maxFaults)
		require.LessOrEqual(t, c.len()+c.faults.Total, bytes.Count(b, []byte("\n"))+1, "a line is one entry or one fault")
	})
}
