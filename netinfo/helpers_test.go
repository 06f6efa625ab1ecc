package netinfo

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func readAll(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}
