package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
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

// honest is what may be said of each port of each hostile host: "protocol:status" where the port's number suggests what
// to ask, and where it suggests nothing. "ok" stands only where the handshake truly came to its end: a page that is too
// long or redirects elsewhere is still a page.
const honest = `
hostile-endless-banner 21 unknown:unknown unknown:unknown
hostile-endless-banner 22 ssh:malformed ssh:malformed
hostile-endless-banner 25 smtp:malformed smtp:malformed
hostile-endless-banner 110 pop3:malformed pop3:malformed
hostile-endless-banner 143 imap:malformed imap:malformed
hostile-endless-banner 6379 unknown:malformed unknown:unknown
hostile-endless-banner 8080 unknown:malformed unknown:unknown
hostile-drip 22 unknown:timed-out unknown:unknown
hostile-drip 25 unknown:timed-out unknown:unknown
hostile-drip 80 unknown:timed-out unknown:unknown
hostile-drip 443 tls:timed-out unknown:unknown
hostile-drip 27017 unknown:timed-out unknown:unknown
hostile-gzip-bomb 80 http:ok http:ok
hostile-gzip-bomb 443 http:ok http:ok
hostile-certificate 25 smtp:ok smtp:ok
hostile-certificate 443 http:ok http:ok
hostile-certificate 8443 tls:malformed http:ok
hostile-lengths 22 ssh:malformed ssh:malformed
hostile-lengths 80 http:malformed http:malformed
hostile-lengths 443 tls:malformed unknown:malformed
hostile-lengths 1080 unknown:reset unknown:malformed
hostile-lengths 6379 unknown:malformed unknown:malformed
hostile-lengths 8080 http:reset http:reset
hostile-lengths 9222 http:ok http:ok
hostile-lengths 27017 unknown:malformed unknown:malformed
hostile-escapes 21 unknown:unknown unknown:unknown
hostile-escapes 25 smtp:ok smtp:ok
hostile-escapes 80 http:ok http:ok
hostile-escapes 143 imap:ok imap:ok
hostile-escapes 443 http:ok http:ok
hostile-escapes 9222 cdp:ok cdp:ok
hostile-escapes 27017 mongodb:ok mongodb:ok
hostile-redirect-loop 80 http:ok http:ok
hostile-redirect-loop 443 http:ok http:ok
hostile-redirect-loop 8080 http:ok http:ok
hostile-redirect-away 80 http:ok http:ok
hostile-redirect-away 443 http:ok http:ok
hostile-redirect-away 3000 http:ok http:ok
hostile-redirect-away 5000 http:ok http:ok
hostile-redirect-away 8000 http:ok http:ok
hostile-redirect-away 8080 http:ok http:ok
hostile-redirect-away 8888 http:ok http:ok
hostile-long-title 80 http:ok http:ok
hostile-headers 25 unknown:malformed unknown:unknown
hostile-headers 80 http:malformed http:malformed
hostile-headers 8080 http:malformed http:malformed
hostile-tls 443 http:ok http:ok
hostile-tls 465 tls:timed-out unknown:malformed
hostile-tls 993 tls:reset unknown:malformed
hostile-tls 995 pop3:malformed pop3:malformed
hostile-tls 2376 http:timed-out tls:unknown
hostile-tls 4443 tls:malformed tls:malformed
hostile-tls 8443 http:ok http:ok
hostile-tls 9443 tls:malformed unknown:malformed
hostile-http 80 unknown:malformed unknown:malformed
hostile-http 3000 http:ok http:ok
hostile-http 3128 http:timed-out http:timed-out
hostile-http 4444 http:timed-out http:timed-out
hostile-http 5000 http:malformed http:malformed
hostile-http 8000 http:ok http:ok
hostile-http 8080 http:ok http:ok
hostile-http 8888 http:ok http:ok
hostile-http 9222 http:ok http:ok
hostile-http 9515 http:ok http:ok
hostile-mail 25 smtp:malformed smtp:malformed
hostile-mail 110 pop3:malformed pop3:malformed
hostile-mail 143 imap:malformed imap:malformed
hostile-mail 587 smtp:timed-out smtp:timed-out
hostile-mail 993 unknown:timed-out unknown:timed-out
hostile-mail 2525 smtp:malformed smtp:malformed
hostile-ssh 22 unknown:malformed unknown:unknown
hostile-ssh 2022 ssh:malformed ssh:malformed
hostile-ssh 2222 ssh:truncated ssh:truncated
hostile-stores 1080 socks5:ok unknown:malformed
hostile-stores 6379 unknown:malformed unknown:malformed
hostile-stores 27017 unknown:malformed unknown:malformed
hostile-stores 27018 unknown:timed-out unknown:timed-out
hostile-deaf 22 unknown:silent unknown:silent
hostile-deaf 25 unknown:silent unknown:silent
hostile-deaf 80 unknown:silent unknown:silent
hostile-deaf 443 unknown:silent unknown:silent
hostile-deaf 1080 unknown:silent unknown:silent
hostile-deaf 27017 unknown:silent unknown:silent
hostile-reset 25 smtp:reset smtp:reset
hostile-reset 80 http:reset http:reset
hostile-reset 443 tls:reset unknown:malformed
hostile-reset 1080 unknown:reset unknown:malformed
hostile-reset 6379 unknown:reset unknown:malformed
hostile-reset 8443 unknown:silent unknown:silent
hostile-reset 27017 unknown:reset unknown:malformed
`

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
			b.requirePolite(t, found)
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
func (b *battlefield) requirePolite(t *testing.T, found []checks.Finding) {
	t.Helper()
	arrived := map[netip.AddrPort]int{}
	for _, talk := range b.Talks() {
		arrived[talk.Local]++
	}
	for _, f := range found {
		require.LessOrEqual(t, b.Accepted(f.Address), hostBudget, b.truth[f.Address].Profile)
		for _, s := range f.Services {
			at := netip.AddrPortFrom(f.Address, s.Port)
			require.LessOrEqual(t, arrived[at], probe.MaxConnections, "%s port %d", b.truth[f.Address].Profile, s.Port)
			require.LessOrEqual(t, arrived[at], s.Connections, "%s port %d: each connection is told", b.truth[f.Address].Profile, s.Port)
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
