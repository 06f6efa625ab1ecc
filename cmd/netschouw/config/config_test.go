package config

import (
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/sweep"
)

func TestDesignExample(t *testing.T) {
	c, path, err := Load(Sources{File: "testdata/valid-design.yaml"})
	require.NoError(t, err)
	require.Equal(t, "testdata/valid-design.yaml", path)
	require.Equal(t, Item{"2001:db8:40::/48", "testdata/valid-design.yaml:2:28"}, c.Scope.Owned[1])
	require.Equal(t, []string{"testdata/opt-out.txt", "/etc/netschouw/opt-out.txt"}, c.Scope.ExcludedFiles, "relative to the file")
	require.Equal(t, []uint16{25, 80, 465, 587, 2525, 8000, 8001, 8002}, c.Sweep.Ports.List())
	require.Equal(t, []string{"192.0.2.53:53", "192.0.2.54:53", "[2001:db8::53]:53"}, c.NetInfo.Resolvers)
	require.Equal(t, time.Minute, c.Sweep.Timeout.Host.Std())
	require.Equal(t, "testdata/valid-design.yaml:9:3", c.Origin("sweep.rate"))
	require.Equal(t, "default", c.Origin("fail_on"))
	require.NoError(t, c.RequireOwned())
}

func TestEmptyFilesAreDefaults(t *testing.T) {
	for _, body := range []string{"", "# nothing\n", "---\n", "sweep:\n", "sweep:\n  rate:\n", Template(nil)} {
		path := filepath.Join(t.TempDir(), "c.yaml")
		require.NoError(t, os.WriteFile(path, []byte(body), 0o600))
		c, _, err := Load(Sources{File: path})
		require.NoErrorf(t, err, "%q", body)
		want := Default()
		c.origins = want.origins
		require.Equal(t, want, c, "%q", body)
		require.ErrorContains(t, c.RequireOwned(), "no range is owned")
	}
}

// TestTemplateUncommented writes every key of the template in clear: all defaults must be valid as they are shown.
func TestTemplateUncommented(t *testing.T) {
	body := Template(map[string][]string{"scope.owned": {"198.51.100.0/24", "2001:db8:40::/48"}})
	var plain strings.Builder
	for line := range strings.Lines(body) {
		if i := strings.Index(line, "#"); i >= 0 && !strings.HasPrefix(line[i:], "# ") {
			line = line[:i] + line[i+1:]
		}
		plain.WriteString(line)
	}
	path := filepath.Join(t.TempDir(), "c.yaml")
	require.NoError(t, os.WriteFile(path, []byte(plain.String()), 0o600))
	c, _, err := Load(Sources{File: path})
	require.NoError(t, err, plain.String())
	require.Len(t, c.origins, len(keys)-2, "every key but those of one run is in the template")
	want := Default()
	want.Scope.Owned, want.origins = c.Scope.Owned, c.origins
	for _, k := range keys {
		require.Equal(t, k.bind(want).show(), k.bind(c).show(), k.Path)
	}
}

func TestPrecedence(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	require.NoError(t, os.WriteFile(path, []byte("sweep: {rate: 1/s, rate_per_24: 1/s, per_host: 5}\n"), 0o600))
	c, _, err := Load(Sources{
		Environ: []string{"NETSCHOUW_CONFIG=" + path, "NETSCHOUW_SWEEP_RATE=2/s", "NETSCHOUW_SWEEP_RATE_PER_24=2/s",
			"NETSCHOUW_SCOPE_OWNED=198.51.100.0/24, 203.0.113.0/24", "HOME=/root", "NETSCHOUW_SERVICE_HOST=10.0.0.1"},
		Flags: map[string][]string{"sweep.rate": {"3/s"}, "sweep.ports": {"25,80", "443"}},
	})
	require.NoError(t, err)
	require.Equal(t, PerSecond(3), c.Sweep.Rate, "flag before environment")
	require.Equal(t, PerSecond(2), c.Sweep.RatePer24, "environment before file")
	require.Equal(t, 5, c.Sweep.PerHost, "file before default")
	require.Equal(t, "auto", c.Sweep.Discovery, "default")
	require.Equal(t, []Item{{"198.51.100.0/24", "NETSCHOUW_SCOPE_OWNED"}, {"203.0.113.0/24", "NETSCHOUW_SCOPE_OWNED"}}, c.Scope.Owned)
	require.Equal(t, []uint16{25, 80, 443}, c.Sweep.Ports.List())
	require.Equal(t, "--rate", c.Origin("sweep.rate"))
}

// TestExclusionsAddUp: what one place excludes, no other brings back.
func TestExclusionsAddUp(t *testing.T) {
	c, _, err := Load(Sources{File: "testdata/valid-design.yaml", Environ: []string{"NETSCHOUW_SCOPE_EXCLUDED=198.51.100.8"},
		Flags: map[string][]string{"scope.excluded": {"198.51.100.9"}, "scope.excluded_files": {"today.txt"}}})
	require.NoError(t, err)
	require.Equal(t, []Item{{"198.51.100.7", "testdata/valid-design.yaml:3:14"}, {"198.51.100.8", "NETSCHOUW_SCOPE_EXCLUDED"},
		{"198.51.100.9", "--exclude"}}, c.Scope.Excluded)
	require.Equal(t, []string{"testdata/opt-out.txt", "/etc/netschouw/opt-out.txt", "today.txt"}, c.Scope.ExcludedFiles)
}

func TestFaultsOutsideTheFile(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.yaml")
	for _, tc := range []struct {
		name, err, hint string
		src             Sources
	}{
		{"flag", "--rate: 10000: a rate needs a unit", "did you mean 10000/s?", Sources{Flags: map[string][]string{"sweep.rate": {"10000"}}}},
		{"variable", "NETSCHOUW_SWEEP_TIMEOUT_HOST: 60: a duration needs a unit", "did you mean 60s?", Sources{Environ: []string{"NETSCHOUW_SWEEP_TIMEOUT_HOST=60"}}},
		{"mistyped variable", "unknown environment variable NETSCHOUW_SCOPE_EXCLUDE", "did you mean NETSCHOUW_SCOPE_EXCLUDED?", Sources{Environ: []string{"NETSCHOUW_SCOPE_EXCLUDE=1.2.3.4"}}},
		{"no such file", "cannot read the configuration: open " + none + ": no such file or directory", "write one with: netschouw init", Sources{File: none}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := Load(tc.src)
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tc.err, e.Error())
			require.Equal(t, tc.hint, e.Hint())
		})
	}
}

// TestTable holds what others derive from the table: unique paths, flags and variables, one line of usage each.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Keys() {
		for _, name := range []string{k.Path, k.Env(), "--" + k.Flag} {
			require.False(t, name != "--" && seen[name], "%s is taken twice", name)
			seen[name] = true
		}
		require.NotEmpty(t, k.Usage, k.Path)
		require.NotContains(t, k.Usage, "\n", k.Path)
		require.Equal(t, k.Switch(), k.DefaultText() == "false", "%s: only switches go without a placeholder", k.Path)
		shown := k.bind(Default()).show()
		if len(shown) > 0 {
			require.NoError(t, k.bind(Default()).set(itemsAt("", shown)), "%s: the default as shown is valid", k.Path)
		}
	}
}

func TestBudgetGrowsWithPorts(t *testing.T) {
	c, _, err := Load(Sources{Flags: map[string][]string{"sweep.ports": {"25", "80", "8000-8100"}}})
	require.NoError(t, err)
	require.Equal(t, 103+handshakeRoom, c.Sweep.PerHost)
	c, _, err = Load(Sources{})
	require.NoError(t, err)
	require.Equal(t, 64, c.Sweep.PerHost, "the design's default")
}

func TestDefaultPorts(t *testing.T) {
	list := DefaultPorts().List()
	require.True(t, slices.IsSorted(list))
	require.Equal(t, len(list), len(slices.Compact(slices.Clone(list))), "no port twice")
	require.LessOrEqual(t, len(list)+handshakeRoom, Default().Sweep.PerHost, "a host's budget leaves room for handshakes")
	for _, p := range probe.Protocols() {
		hints := slices.Concat(p.Ports, p.TLSPorts)
		require.Contains(t, list, hints[0], "the first port of %s", p.Name)
	}
}

func TestSettings(t *testing.T) {
	load := func(flags map[string][]string) sweep.Settings {
		c, _, err := Load(Sources{File: "testdata/valid-design.yaml", Flags: flags})
		require.NoError(t, err)
		return c.Settings()
	}
	base := load(nil)
	require.Equal(t, base, load(map[string][]string{"sweep.rate": {"5/s"}, "output.format": {"json"}, "scope.excluded": {"198.51.100.9"}}))
	for path, val := range map[string]string{"scope.owned": "198.51.100.0/25", "sweep.ports": "25", "sweep.range": "198.51.100.0/28",
		"rules.prior": "0.1", "rules.packs": "other", "rules.dirs": "/x", "sweep.targets_files": "-", "sweep.escalate": "none"} {
		now := load(map[string][]string{path: {val}})
		require.NotEqual(t, base, now, path)
		i := slices.IndexFunc(now, func(s sweep.Setting) bool { return s.Key == path })
		require.Equal(t, []string{val}, now[i].Values, path)
	}
}

func TestCanaries(t *testing.T) {
	load := func(canary ...string) (*Config, error) {
		c, _, err := Load(Sources{File: os.DevNull, Flags: map[string][]string{"sweep.canary": canary, "sweep.ports": {"25", "443"}}})
		return c, err
	}
	c, err := load("198.51.100.1", "198.51.100.1:443", "[2001:db8::1]:25", "::ffff:198.51.100.2")
	require.NoError(t, err)
	require.Equal(t, []netip.AddrPort{netip.MustParseAddrPort("198.51.100.1:0"), netip.MustParseAddrPort("198.51.100.1:443"),
		netip.MustParseAddrPort("[2001:db8::1]:25"), netip.MustParseAddrPort("198.51.100.2:0")}, c.Sweep.Canary)
	for _, bad := range []string{"198.51.100.0/24", "canary.example.org", "198.51.100.1:0", "fe80::1%eth0", "198.51.100.1:https"} {
		_, err := load(bad)
		require.ErrorContains(t, err, "is no canary", bad)
	}
	_, err = load("198.51.100.1:80")
	require.ErrorContains(t, err, "port 80 of canary 198.51.100.1 is not among the ports that are tried")
}

func TestUnits(t *testing.T) {
	for in, want := range map[string]string{"10000/s": "10000/s", "600/m": "600/m", "600 / minute": "600/m", "36000/hour": "36000/h", "unlimited": "unlimited"} {
		r, err := ParseRate(in)
		require.NoError(t, err, in)
		require.Equal(t, want, r.String())
	}
	m, _ := ParseRate("600/m")
	require.InDelta(t, 10, m.PerSecond(), 1e-9)
	require.True(t, math.IsInf(Rate{}.PerSecond(), 1))
	for in, want := range map[string]string{"2s": "2s", "250ms": "250ms", "60s": "1m", "90s": "1m30s", "2h": "2h", "1h30m": "1h30m", "1h0m5s": "1h0m5s", "10m": "10m", "100h": "100h"} {
		d, err := ParseDuration(in)
		require.NoError(t, err, in)
		require.Equal(t, want, d.String())
		again, err := ParseDuration(d.String())
		require.NoError(t, err)
		require.Equal(t, d, again)
	}
}

func TestNearest(t *testing.T) {
	words := []string{"sweep", "scope", "check", "rules", "demo"}
	for in, want := range map[string]string{"sweeep": "sweep", "SCOPE": "scope", "chek": "check", "dmeo": "demo", "x": "", "findings": "", "rule": "rules"} {
		require.Equal(t, want, Nearest(in, words), in)
	}
}

func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, name := range files {
		body, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(body)
	}
	f.Add([]byte(Template(nil)))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := decode("f.yaml", body)
		if err != nil {
			require.ErrorContains(t, err, "f.yaml")
			return
		}
		seen := map[string]bool{}
		for _, w := range got {
			_, known := ByPath(w.path)
			require.True(t, known, w.path)
			require.False(t, seen[w.path], "%s twice", w.path)
			seen[w.path] = true
		}
	})
}
