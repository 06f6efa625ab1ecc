package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// floors is the house, top floor first: a package imports from its own floor or from a lower one, never from a higher.
// The longest matching folder counts.
var floors = []string{"cmd", "report", "ledger", "sweep", "checks", "checks/probe", "netinfo", "fixtures"}

const module = "github.com/netschouw/netschouw/"

// floor returns how deep down a package lives; 0 is the top, -1 is no floor of the house.
func floor(pkg string) int {
	best, length := -1, 0
	for i, f := range floors {
		if (pkg == f || strings.HasPrefix(pkg, f+"/")) && len(f) > length {
			best, length = i, len(f)
		}
	}
	return best
}

// climbs tells whether an import points up.
func climbs(from, to string) bool { return floor(to) < floor(from) }

func TestImportsPointDown(t *testing.T) {
	root := filepath.Join("..", "..")
	imports := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, filepath.Dir(path))
		from := filepath.ToSlash(rel)
		require.GreaterOrEqualf(t, floor(from), 0, "%s is on no floor of the house", from)
		for _, imp := range file.Imports {
			to, ours := strings.CutPrefix(strings.Trim(imp.Path.Value, `"`), module)
			if !ours {
				continue
			}
			imports++
			if climbs(from, to) {
				t.Errorf("%s imports %s: imports point down the house only (docs/architecture.md)", from, to)
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, imports, 5, "the walk did not find the code")
}

func TestTheHouseSeesAPlantedClimb(t *testing.T) {
	require.True(t, climbs("netinfo", "sweep"))
	require.True(t, climbs("checks/probe/dial", "checks"))
	require.False(t, climbs("checks", "checks/probe"))
	require.False(t, climbs("cmd/netschouw", "fixtures/fleet"))
}
