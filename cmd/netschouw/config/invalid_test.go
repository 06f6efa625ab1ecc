package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata/invalid.golden anew")

// TestInvalid keeps one mistake per file beside the exact message and hint that it gives. The table is
// testdata/invalid.golden: it must have an entry for every file, and every file must have one.
func TestInvalid(t *testing.T) {
	files, err := filepath.Glob("testdata/invalid-*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	sort.Strings(files)
	var got strings.Builder
	for _, f := range files {
		_, _, err := Load(Sources{File: f})
		var e *Error
		require.Truef(t, errors.As(err, &e), "%s: got %v", f, err)
		require.Contains(t, e.Error(), f, "the message names the file")
		require.NotEmpty(t, e.Key+e.What, f)
		fmt.Fprintf(&got, "%s\n  error: %s\n  hint:  %s\n", filepath.Base(f), e.Error(), e.Hint())
	}
	if *update {
		require.NoError(t, os.WriteFile("testdata/invalid.golden", []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile("testdata/invalid.golden")
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
}

// TestMessages holds the form of every message: lower case, no full stop, and nothing that a terminal would obey.
func TestMessages(t *testing.T) {
	want, err := os.ReadFile("testdata/invalid.golden")
	require.NoError(t, err)
	for line := range strings.Lines(string(want)) {
		line = strings.TrimRight(line, "\n")
		require.Falsef(t, strings.HasSuffix(line, ".") && !strings.HasSuffix(line, "..."), "full stop: %s", line)
		for _, r := range line {
			require.Truef(t, r >= ' ' && r != 0x7f, "control character in %q", line)
		}
	}
}
