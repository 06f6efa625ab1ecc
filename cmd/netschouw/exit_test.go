package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/cmd/netschouw/config"
	"github.com/netschouw/netschouw/netinfo"
)

func TestExitTable(t *testing.T) {
	_, _, configErr := config.Load(config.Sources{Flags: map[string][]string{"sweep.rate": {"5"}}})
	_, scopeErr := netinfo.NewScope(netinfo.ScopeConfig{Owned: []string{"x"}})
	for _, tc := range []struct {
		name string
		err  error
		want outcome
	}{
		{"complete", nil, outcome{exitComplete, false}},
		{"usage", usage("", "no"), outcome{exitUsage, false}},
		{"configuration", input(configErr), outcome{exitUsage, false}},
		{"ranges", input(scopeErr), outcome{exitUsage, false}},
		{"wrapped input", fmt.Errorf("sweep: %w", input(scopeErr)), outcome{exitUsage, false}},
		{"found", errFound, outcome{exitFound, true}},
		{"stopped", fmt.Errorf("%w: interrupted", errStopped), outcome{exitStopped, false}},
		{"stopped and found", errors.Join(errFound, errStopped), outcome{exitStopped, false}},
		{"reader went away", &fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}, outcome{exitStopped, true}},
		{"second Ctrl-C", context.Canceled, outcome{exitStopped, true}},
		{"failed", io.ErrUnexpectedEOF, outcome{exitFailed, false}},
		{"failed with a remedy", &failure{io.ErrShortWrite, "make room"}, outcome{exitFailed, false}},
	} {
		require.Equal(t, tc.want, ending(tc.err), tc.name)
	}
	require.Equal(t, "did you mean 5/s?", hintOf(fmt.Errorf("x: %w", input(configErr))))
	require.Equal(t, "make room", hintOf(&failure{io.ErrShortWrite, "make room"}))
	require.NoError(t, input(nil))
}

// TestBrokenPipe reads nothing of the output: the command ends, quietly, and the process lives.
func TestBrokenPipe(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	defer w.Close() //nolint:errcheck // of no use to anyone
	errors := &lockedBuffer{}
	require.Equal(t, exitStopped, Run(t.Context(), []string{"netschouw", "version"}, nil, w, errors))
	require.Empty(t, errors.String())
}
