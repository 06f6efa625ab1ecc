package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
)

// leaves lists every command that can be run, with the words that lead there.
func leaves(list []*cli.Command, prefix ...string) map[string]*cli.Command {
	out := map[string]*cli.Command{}
	for _, c := range list {
		words := append(append([]string{}, prefix...), c.Name)
		if len(c.Subcommands) == 0 {
			out[strings.Join(words, " ")] = c
		}
		for name, sub := range leaves(c.Subcommands, words...) {
			out[name] = sub
		}
	}
	return out
}

func testApp() *cli.App {
	return newApp(&world{stdin: strings.NewReader(""), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}})
}

// examplesOf finds the command lines in a help text: each follows a comment that says what it does.
func examplesOf(help string) (lines []string) {
	comment := false
	for line := range strings.Lines(help) {
		line = strings.TrimRight(line, "\n")
		if comment {
			lines = append(lines, strings.TrimSpace(line))
		}
		comment = strings.HasPrefix(line, "  # ")
	}
	return lines
}

func TestHelpTexts(t *testing.T) {
	for name, c := range leaves(testApp().Commands) {
		t.Run(name, func(t *testing.T) {
			r := run(t, "", append(strings.Fields(name), "--help")...)
			require.Equal(t, exitComplete, r.status)
			require.Empty(t, r.errout)
			require.NotEmpty(t, examplesOf(r.out), "every command has an example")
			require.NotContains(t, r.out, "\t")
			for line := range strings.Lines(r.out) {
				if !strings.HasPrefix(strings.TrimSpace(line), "netschouw ") { // an example is pasted as one line
					require.LessOrEqual(t, len(line), 101, line)
				}
			}
			for _, f := range c.Flags {
				require.Contains(t, r.out, "--"+f.Names()[0])
				if arg, use := ownFlag(f); f.Names()[0] != configFlag {
					require.False(t, strings.Contains(arg+use, "`"), "back quotes of --%s", f.Names()[0])
				}
			}
		})
	}
}

// TestExamples runs every example of every help text. Those that would contact hosts are parsed only: their command's
// action is replaced. The others must end well in a folder that has a configuration.
func TestExamples(t *testing.T) {
	contacts := map[string]bool{"sweep": true, "check": true, "demo": true}
	needsFile := "GeoLite2-ASN.mmdb" // an example that names a file that this machine may not have
	all := run(t, "").out
	for name := range leaves(testApp().Commands) {
		all += run(t, "", append(strings.Fields(name), "--help")...).out
	}
	shippedPack, err := filepath.Abs("../../checks/packs/meliorator.yaml")
	require.NoError(t, err)
	list := examplesOf(all)
	require.NotEmpty(t, list)
	for _, line := range list {
		require.True(t, strings.HasPrefix(line, "netschouw "), line)
		t.Run(line, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if !strings.Contains(line, " init ") {
				require.NoError(t, os.WriteFile("netschouw.yaml", []byte(goodConfig), 0o600))
			}
			exampleFiles(t, shippedPack)
			line, _, _ := strings.Cut(line, " > ")
			line, _, _ = strings.Cut(line, " | ")
			args := strings.Fields(line)
			if contacts[args[1]] || strings.Contains(line, needsFile) || args[1] == "scope" && args[2] == "verify" {
				parses(t, args)
				return
			}
			r := run(t, "", args[1:]...)
			require.Equal(t, exitComplete, r.status, "%s: %s", line, r.errout)
		})
	}
}

// parses checks that a command line reaches its command's action with settings that are valid.
func parses(t *testing.T, args []string) {
	t.Helper()
	app := testApp()
	reached := false
	for _, c := range leaves(app.Commands) {
		c.Action = func(ctx *cli.Context) error {
			reached = true
			return nil
		}
	}
	args, err := arrange(app, args)
	require.NoError(t, err)
	require.NoError(t, app.RunContext(t.Context(), args))
	require.True(t, reached)
}

// exampleFiles puts the files that examples name into the current folder.
func exampleFiles(t *testing.T, shippedPack string) {
	t.Helper()
	require.NoError(t, os.WriteFile("host.json", []byte(suspectHost), 0o600))
	pack, err := os.ReadFile(shippedPack)
	require.NoError(t, err)
	require.NoError(t, os.Mkdir("rules", 0o755))
	own := strings.Replace(string(pack), "pack: meliorator", "pack: own", 1)
	require.NoError(t, os.WriteFile(filepath.Join("rules", "own.yaml"), []byte(own), 0o600))
}

func TestArrange(t *testing.T) {
	app := testApp()
	for line, want := range map[string]string{
		"scope show 198.51.100.7 --format json":           "scope show --format json -- 198.51.100.7",
		"scope show 198.51.100.7 --format=json 192.0.2.1": "scope show --format=json -- 198.51.100.7 192.0.2.1",
		"scope show -- --format":                          "scope show -- --format",
		"init --force x":                                  "init --force -- x",
		"version":                                         "version --",
		"--version":                                       "version",
		"nonsense --x":                                    "nonsense --x",
		"scope":                                           "scope",
	} {
		got, err := arrange(app, append([]string{"netschouw"}, strings.Fields(line)...))
		require.NoError(t, err)
		require.Equal(t, want, strings.Join(got[1:], " "), line)
	}
	_, err := arrange(app, []string{"netschouw", "scope", "show", "198.51.100.7", "--range"})
	require.EqualError(t, err, "flag --range needs a value")
}
