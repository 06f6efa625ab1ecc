package config

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const operationsDoc = "../../../docs/operations.md"

// settingsTable is the table of docs/operations.md.
func settingsTable() string {
	code := func(s string) string {
		if s == "" {
			return ""
		}
		return "`" + s + "`"
	}
	table := "| key | flag | default | meaning |\n|---|---|---|---|\n"
	for _, k := range Keys() {
		flag := ""
		if k.Flag != "" {
			flag = strings.TrimSpace("--" + k.Flag + " " + k.Arg)
		}
		table += fmt.Sprintf("| %s | %s | %s | %s |\n", code(k.Path), code(flag), cmp.Or(code(k.DefaultText()), "none"),
			strings.ReplaceAll(k.Usage, "|", `\|`))
	}
	return table
}

// TestDocsNameEverySetting compares the table of docs/operations.md with the table of keys; -update writes it.
func TestDocsNameEverySetting(t *testing.T) {
	text, err := os.ReadFile(operationsDoc)
	require.NoError(t, err)
	part := regexp.MustCompile(`(?s)(<!-- settings: [^\n]* -->\n).*?(<!-- end -->)`)
	require.True(t, part.Match(text), "%s has no part for the settings", operationsDoc)
	got := part.ReplaceAllString(string(text), "${1}"+strings.ReplaceAll(settingsTable(), "$", "$$")+"${2}")
	if *update {
		require.NoError(t, os.WriteFile(operationsDoc, []byte(got), 0o644))
		return
	}
	require.Equal(t, got, string(text), "run: go test ./cmd/netschouw/config -update")
}

// TestDocsNameNoOtherSetting looks for settings and flags that the page speaks of and the program does not have.
func TestDocsNameNoOtherSetting(t *testing.T) {
	text, err := os.ReadFile(operationsDoc)
	require.NoError(t, err)
	known := map[string]bool{"--config": true}
	for _, k := range Keys() {
		known[k.Path], known["--"+k.Flag] = true, true
		for section := k.Path; strings.Contains(section, "."); {
			section = section[:strings.LastIndex(section, ".")]
			known[section] = true
		}
	}
	foreign := map[string]bool{"--system": true, "--home-dir": true, "--create-home": true, "--shell": true, // useradd's
		"output.md": true, "rules.md": true}
	names := regexp.MustCompile(`--[a-z][a-z0-9-]*|\b(?:scope|sweep|identify|netinfo|rules|output|log)\.[a-z0-9_.]*[a-z0-9_]`).FindAllString(string(text), -1)
	require.Greater(t, len(names), 80)
	for _, name := range names {
		require.True(t, known[name] || foreign[name], "%s is no setting", name)
	}
}
