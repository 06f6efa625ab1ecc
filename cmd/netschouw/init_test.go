package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestInitElsewhere: a path that was typed in one folder must mean the same in a file that lies in another.
func TestInitElsewhere(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	require.NoError(t, err)
	require.NoError(t, os.Mkdir("etc", 0o700))
	const list = "prefix,customer_id,customer_name,abuse_email,tags,exclude\n198.51.100.7/32,C1,,,,yes\n"
	require.NoError(t, os.WriteFile("customers.csv", []byte(list), 0o600))
	for _, file := range []string{"etc/n.yaml", "n.yaml"} {
		r := run(t, "", "init", "--config", file, "--owned", "198.51.100.0/24", "--customers", "customers.csv", "--state", "./state")
		require.Equal(t, exitComplete, r.status, r.errout)
		r = run(t, "", "scope", "show", "198.51.100.7", "--config", file)
		require.Contains(t, r.out, "customers.csv:2 (customer C1 opted out)", r.errout)
	}
	body, err := os.ReadFile("etc/n.yaml")
	require.NoError(t, err)
	require.Contains(t, string(body), "state: "+filepath.Join(here, "state"))
	body, err = os.ReadFile("n.yaml")
	require.NoError(t, err)
	require.Contains(t, string(body), "customers: customers.csv\n", "beside the file it stays as it was typed")
}
