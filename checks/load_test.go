package checks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLoadChoosesPacks(t *testing.T) {
	rs, err := Load(LoadOptions{Packs: []string{"meliorator", "meliorator"}})
	require.NoError(t, err)
	require.Equal(t, []string{"meliorator@2"}, rs.Packs(), "once is enough")
	require.Contains(t, rs.Words(), "brigadir")
	require.Contains(t, rs.Words(), "fbi", "words of negations are looked for too")

	_, err = Load(LoadOptions{Packs: []string{"melioratr"}})
	require.EqualError(t, err, `rules.packs: no rule pack "melioratr" is shipped; did you mean "meliorator"? (a pack of your own belongs in a folder of rules.dirs)`)
}

func TestLoadReadsFolders(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile("testdata/valid.yaml")
	require.NoError(t, err)
	write := func(name, from, to string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(strings.Replace(string(text), from, to, 1)), 0o600))
	}
	_, err = Load(LoadOptions{Dirs: []string{dir}})
	require.EqualError(t, err, "rules.dirs: no *.yaml file in "+dir+"; put a rule pack there or leave the folder out")

	write("a.yaml", "", "")
	write("notes.txt", "pack", "not a pack")
	rs, err := Load(LoadOptions{Dirs: []string{dir}})
	require.NoError(t, err)
	require.Equal(t, []string{"meliorator@2", "sample@1"}, rs.Packs())

	write("b.yml", "version: 1", "version: 2")
	_, err = Load(LoadOptions{Dirs: []string{dir}})
	require.EqualError(t, err, filepath.Join(dir, "b.yml")+`: rule pack "sample" is already loaded from `+filepath.Join(dir, "a.yaml")+"; give one of them another name")

	write("b.yml", "weight: 2", "weight: 20")
	write("a.yaml", "group: store", "group: shop")
	_, err = Load(LoadOptions{Dirs: []string{dir}})
	require.ErrorContains(t, err, `"shop" is not known`)
	require.ErrorContains(t, err, "20 is not above 0 and at most 14", "mistakes of all files at once")

	_, err = Load(LoadOptions{Dirs: []string{filepath.Join(dir, "absent")}})
	require.ErrorContains(t, err, "rules.dirs: open ")
}

// TestGuide takes the pack out of docs/rules.md and asks of it what the guide promises; and every key, function and
// protocol that exists is in the guide.
func TestGuide(t *testing.T) {
	text, err := os.ReadFile("../docs/rules.md")
	require.NoError(t, err)
	guide := string(text)
	_, rest, found := strings.Cut(guide, "```yaml\n")
	require.True(t, found)
	example, _, found := strings.Cut(rest, "```")
	require.True(t, found)

	rs, err := loadFiles([]packSource{{"docs/rules.md", []byte(example)}})
	require.NoError(t, err)
	require.Empty(t, Lint(rs))
	results := Test(rs)
	require.NotEmpty(t, results)
	for _, r := range results {
		require.True(t, r.OK(), r.String())
	}

	for _, name := range documented() {
		require.Contains(t, guide, "`"+name+"`", "docs/rules.md explains it")
	}
}
