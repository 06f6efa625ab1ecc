package checks

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// load returns the shipped packs.
func load(t testing.TB) *Ruleset {
	t.Helper()
	rs, err := Load(LoadOptions{})
	require.NoError(t, err)
	return rs
}

func TestShippedPacksPassTheirCases(t *testing.T) {
	results := Test(load(t))
	require.NotEmpty(t, results)
	for _, r := range results {
		require.True(t, r.OK(), r.String())
	}
}
