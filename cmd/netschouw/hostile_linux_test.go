package main

import (
	"bytes"
	"crypto/tls"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/fixtures/fleet"
	"github.com/netschouw/netschouw/fixtures/fleet/dns"
	"github.com/netschouw/netschouw/fixtures/fleet/profile"
	"github.com/netschouw/netschouw/fixtures/fleet/serve"
	"github.com/netschouw/netschouw/report"
)

// The bounds that the sweeps of these tests are given, and must keep to.
const (
	hostSeconds  = 20 // --host-timeout
	hostBudget   = 64 // --per-host
	mostResident = 128 << 10
)

// raced tells whether the tests were built with the race detector, which multiplies time and memory.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// battlefield is a running fleet of profiles with its name server.
type battlefield struct {
	*fleet.Fleet
	*serve.Recorder
	names *dns.Server
	truth map[netip.Addr]fleet.Truth
}

// assemble starts copies of each profile that is wanted.
func assemble(t *testing.T, prefix string, offset, copies int, wanted func(profile.Profile) bool) *battlefield {
	t.Helper()
	b := &battlefield{Recorder: new(serve.Recorder), truth: map[netip.Addr]fleet.Truth{}}
	exact, hosts := map[string]int{}, 0
	for _, p := range profile.All() {
		if wanted(p) {
			exact[p.Name] = copies
			hosts += copies * p.Size()
		}
	}
	var err error
	b.Fleet, err = fleet.New(fleet.Config{Prefix: netip.MustParsePrefix(prefix), Seed: 1, Hosts: hosts, Exact: exact, PortOffset: offset, Recorder: b.Recorder})
	require.NoError(t, err)
	require.NoError(t, b.Start(t.Context()))
	t.Cleanup(b.Close)
	b.names, err = dns.Start(t.Context(), "127.0.0.1:0", b.Zone())
	require.NoError(t, err)
	t.Cleanup(b.names.Close)
	for _, h := range b.Truth() {
		b.truth[h.Address] = h
	}
	return b
}

// tour is the words of a sweep of the fleet's own addresses and ports.
func (b *battlefield) tour(t *testing.T, more ...string) []string {
	t.Helper()
	var owned, ports []string
	for a := range b.truth {
		owned = append(owned, a.String())
	}
	for _, p := range b.Ports() {
		ports = append(ports, strconv.Itoa(int(p)))
	}
	return append([]string{"sweep", "--config", os.DevNull, "--owned", strings.Join(owned, ","), "--port", strings.Join(ports, ","), "--state", t.TempDir(),
		"--rate", "unlimited", "--rate-per-24", "unlimited", "--per-host", strconv.Itoa(hostBudget), "--connect-timeout", "1s", "--handshake-timeout", "1500ms",
		"--host-timeout", strconv.Itoa(hostSeconds) + "s", "--resolver", b.names.Addr().String(), "--escalate", "pages", "--format", "jsonl", "--all", "--quiet"}, more...)
}

func isHostile(p profile.Profile) bool { return p.Label == profile.Hostile }

// TestHostileHosts sweeps every hostile host there is, as a process, on the ports that suggest what to ask and on others.
func TestHostileHosts(t *testing.T) {
	if testing.Short() {
		t.Skip("takes about ten seconds")
	}
	t.Parallel()
	isolated := alone(t)
	var seen *capture
	if isolated {
		seen = watch(t)
	}
	owned := map[netip.Addr]fleet.Truth{}
	resolvers := []netip.AddrPort{}
	var finish []func()
	for column, offset := range []int{0, 20000} { // both at once: most of the time is spent waiting
		if !isolated && offset == 0 {
			t.Log("the real ports need root and a network namespace, and are left out")
			continue
		}
		b := assemble(t, fmt.Sprintf("127.%d.0.0/24", 88+column), offset, 1, isHostile)
		maps.Copy(owned, b.truth)
		resolvers = append(resolvers, b.names.Addr())
		b.warm(t, offset)
		begun := time.Now()
		p := start(t, b.tour(t)...)
		peak := p.peak(t)
		finish = append(finish, func() {
			out, status := p.rest(t)
			took := time.Since(begun)
			require.Equal(t, exitComplete, status, p.errout.String())
			t.Logf("ports moved by %d: took %v, at most %d MiB resident", offset, took, peak()>>10)
			if !raced() {
				require.Less(t, took, (hostSeconds+5)*time.Second)
				require.Less(t, peak(), int64(mostResident), "KiB resident")
			}
			requireClean(t, out)
			found, err := report.Read(strings.NewReader(out))
			require.NoError(t, err)
			require.Len(t, found, len(b.truth), "every host is reported")
			b.requireHonest(t, found, column)
			b.requirePolite(t, found, begun)
		})
	}
	for _, f := range finish {
		f()
	}
	if isolated {
		requireWithin(t, seen.stop(t), owned, resolvers)
	}
}

// requireHonest holds what was said of each port against the table.
func (b *battlefield) requireHonest(t *testing.T, found []checks.Finding, column int) {
	t.Helper()
	want := map[string]string{}
	for line := range strings.Lines(strings.TrimSpace(honest)) {
		f := strings.Fields(line)
		want[f[0]+" "+f[1]] = f[2+column]
	}
	var wrong []string
	for _, f := range found {
		h := b.truth[f.Address]
		require.NotEqual(t, checks.Match, f.Verdict, h.Profile)
		for _, s := range f.Services {
			key := fmt.Sprintf("%s %d", h.Profile, int(s.Port)-20000*column)
			if got := s.Protocol + ":" + string(s.Status); got != want[key] {
				wrong = append(wrong, fmt.Sprintf("%s: %s rather than %s (%s)", key, got, want[key], s.Error))
			}
			require.Equal(t, s.Status == probe.StatusOK || s.Status == probe.StatusUnknown || s.Status == probe.StatusSilent, s.Error == "" || s.TLS != nil && s.Status == probe.StatusSilent,
				"%s: a reason stands beside each failure: %s", key, s.Error)
			delete(want, key)
		}
	}
	require.Empty(t, wrong)
	require.Empty(t, want, "every port was looked at")
}

// requirePolite counts connections where they arrive.
func (b *battlefield) requirePolite(t *testing.T, found []checks.Finding, since time.Time) {
	t.Helper()
	ports, hosts := map[netip.AddrPort]int{}, map[netip.Addr]int{}
	for _, talk := range b.Talks() {
		if talk.Begun.After(since) {
			ports[talk.Local]++
			hosts[talk.Local.Addr()]++
		}
	}
	for _, f := range found {
		require.LessOrEqual(t, hosts[f.Address], hostBudget, b.truth[f.Address].Profile)
		for _, s := range f.Services {
			n := ports[netip.AddrPortFrom(f.Address, s.Port)]
			require.LessOrEqual(t, n, probe.MaxConnections, "%s port %d", b.truth[f.Address].Profile, s.Port)
			require.LessOrEqual(t, n, s.Connections, "%s port %d: each connection is told", b.truth[f.Address].Profile, s.Port)
		}
	}
}

// warm asks once for what the fleet makes when it is first asked for, bombs and certificates, which takes it longer than a
// scanner has patience when the race detector is on.
func (b *battlefield) warm(t *testing.T, offset int) {
	t.Helper()
	for _, h := range b.truth {
		for _, port := range map[string][]uint16{"hostile-gzip-bomb": {80, 443}, "hostile-http": {8080, 8888}, "hostile-certificate": {443, 8443},
			"hostile-tls": {443, 8443, 995, 2376}}[h.Profile] {
			c, err := net.Dial("tcp", netip.AddrPortFrom(h.Address, port+uint16(offset)).String())
			require.NoError(t, err)
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			if port != 80 && port < 8080 || port == 8443 {
				_ = tls.Client(c, &tls.Config{InsecureSkipVerify: true}).Handshake() // that its certificate is made is all we want
			} else {
				_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				require.NoError(t, err)
				_, err = c.Read(make([]byte, 1))
				require.NoError(t, err)
			}
			_ = c.Close()
		}
	}
}

// requireWithin asks that connections went to hosts of the fleet and datagrams to its name servers, and nowhere else.
func requireWithin(t *testing.T, seen []sent, owned map[netip.Addr]fleet.Truth, resolvers []netip.AddrPort) {
	t.Helper()
	require.NotEmpty(t, seen)
	for _, p := range seen {
		if slices.Contains(resolvers, p.to) || p.udp && slices.Contains(resolvers, p.from) {
			continue
		}
		_, ours := owned[p.to.Addr()]
		require.True(t, ours && !p.udp, "a packet went to %v", p.to)
	}
}

// TestHostileCrowd has hundreds of the costliest hosts at once.
func TestHostileCrowd(t *testing.T) {
	if testing.Short() || raced() {
		t.Skip("takes about ten seconds, and measures memory, which the race detector multiplies")
	}
	t.Parallel()
	offset := 20000
	if alone(t) {
		offset = 0
	}
	costly := []string{"hostile-long-title", "hostile-http", "hostile-tls", "hostile-endless-banner", "hostile-gzip-bomb", "hostile-certificate"}
	b := assemble(t, "127.87.0.0/24", offset, 8, func(p profile.Profile) bool { return slices.Contains(costly, p.Name) })
	p := start(t, b.tour(t, "--handshake-timeout", "1s")...)
	peak := p.peak(t)
	out, status := p.rest(t)
	require.Equal(t, exitComplete, status, p.errout.String())
	require.Equal(t, len(b.truth), strings.Count(out, "\n"))
	t.Logf("%d hosts, at most %d MiB resident", len(b.truth), peak()>>10)
	require.Less(t, peak(), int64(140<<10), "KiB resident; without the limit of memory.go it is more")
}

// TestHostileReports reads what is written of the hosts that attack their readers, in each format.
func TestHostileReports(t *testing.T) {
	t.Parallel()
	alone(t) // where that is possible
	b := assemble(t, "127.90.0.0/28", 21000, 1, func(p profile.Profile) bool {
		return p.Name == "hostile-escapes" || p.Name == "hostile-certificate"
	})
	words := slices.DeleteFunc(b.tour(t), func(w string) bool { return w == "jsonl" || w == "--format" })
	formats := []string{"text", "jsonl", "json", "csv"}
	processes := map[string]*process{}
	for _, format := range formats { // all at once
		processes[format] = start(t, append(slices.Clone(words), "--format", format, "--state", t.TempDir())...)
	}
	for _, format := range formats {
		t.Run(format, func(t *testing.T) {
			p := processes[format]
			out, status := p.rest(t)
			require.Equal(t, exitComplete, status, p.errout.String())
			require.Contains(t, out, "example.test", "something of it is shown")
			requireClean(t, out)
			requireClean(t, p.errout.String())
			switch format {
			case "jsonl":
				for line := range strings.Lines(out) {
					requireSchema(t, "host.v1.json", line)
				}
			case "json":
				requireSchema(t, "report.v1.json", out)
			case "csv":
				requireSafeCells(t, out)
			}
		})
	}
}

// requireClean asks that a text does nothing on a terminal but show itself.
func requireClean(t *testing.T, text string) {
	t.Helper()
	require.True(t, utf8.ValidString(text))
	for i, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) || r == '\u2028' || r == '\u2029') {
			t.Fatalf("%U in %q", r, text[max(0, i-40):min(len(text), i+40)])
		}
	}
}

func requireSchema(t *testing.T, name, text string) {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	id := ""
	for _, file := range []string{"host.v1.json", "report.v1.json"} {
		body, err := os.ReadFile(filepath.Join("..", "..", "docs", "schema", file))
		require.NoError(t, err)
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		require.NoError(t, err)
		this := doc.(map[string]any)["$id"].(string)
		require.NoError(t, c.AddResource(this, doc))
		if file == name {
			id = this
		}
	}
	schema, err := c.Compile(id)
	require.NoError(t, err)
	require.True(t, json.Valid([]byte(text)))
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	require.NoError(t, err)
	require.NoError(t, schema.Validate(value))
}

// requireSafeCells asks that no cell, nor what a spreadsheet that splits at semicolons makes one, begins a formula.
func requireSafeCells(t *testing.T, text string) {
	t.Helper()
	r := csv.NewReader(strings.NewReader(text))
	for {
		row, err := r.Read()
		if err == io.EOF {
			return
		}
		require.NoError(t, err)
		for _, cell := range row {
			for part := range strings.SplitSeq(cell, ";") {
				begin := strings.TrimLeft(part, ` "`)
				require.False(t, begin != "" && strings.ContainsAny(begin[:1], "=+-@\t\r"), "%q", cell)
			}
		}
	}
}
