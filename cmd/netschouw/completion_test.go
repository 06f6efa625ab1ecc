package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBashCompletion asks bash itself, by calling the completion function as readline does.
func TestBashCompletion(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not here")
	}
	script := filepath.Join(t.TempDir(), "completion.bash")
	r := run(t, "", "completion", "bash")
	require.Equal(t, exitComplete, r.status)
	require.NoError(t, os.WriteFile(script, []byte(r.out), 0o600))
	for line, want := range map[string][]string{
		"netschouw sc":                         {"scope"},
		"netschouw scope ":                     {"show", "verify"},
		"netschouw scope v":                    {"verify"},
		"netschouw scope show --ra":            {"--range"},
		"netschouw completion ":                {"--help", "bash", "zsh", "fish"},
		"netschouw init --fo":                  {"--force"},
		"netschouw sweep --fail-on ":           {"match", "suspect", "never"},
		"netschouw sweep --format j":           {"jsonl", "json"},
		"netschouw scope show --format ":       {"text", "json"},
		"netschouw nonsense --":                nil,
		"netschouw init --customers " + script: {script},
	} {
		words := strings.Split(line, " ")
		cmd := exec.CommandContext(t.Context(), bash, "--norc", "-c", `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _netschouw; printf '%s\n' "${COMPREPLY[@]}"`, "bash", script) //nolint:gosec // our own script
		cmd.Args = append(cmd.Args, words...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		require.Equal(t, strings.Join(want, "\n"), strings.TrimSpace(string(out)), line)
	}
}

// TestCompletionNamesAll holds the other shells' scripts against the tree of commands, and against the shell when it is
// here.
func TestCompletionNamesAll(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script := run(t, "", "completion", shell).out
		for name, c := range leaves(testApp().Commands) {
			for _, word := range strings.Fields(name) {
				require.Contains(t, script, word, shell)
			}
			for _, f := range c.Flags {
				require.Contains(t, script, f.Names()[0], shell)
			}
		}
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("%s is not here, its syntax is not checked", shell)
			continue
		}
		cmd := exec.CommandContext(t.Context(), path, "-n") //nolint:gosec // a shell's name
		cmd.Stdin = strings.NewReader(script)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
}
