package ledger

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDocumentedSchema keeps docs/ledger.md and the schema equal.
func TestDocumentedSchema(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "ledger.md"))
	require.NoError(t, err)
	d := newDesk(t)
	rows, err := d.db.Query(`SELECT m.name, m.type, c.name, c.type FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c
		WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite_%'`)
	require.NoError(t, err)
	defer rows.Close()
	actual := map[string]map[string]string{}
	for rows.Next() {
		var table, kind, column, of string
		require.NoError(t, rows.Scan(&table, &kind, &column, &of))
		if actual[table] == nil {
			actual[table] = map[string]string{}
		}
		if kind == "view" {
			of = ""
		}
		actual[table][column] = of
	}
	require.NoError(t, rows.Err())
	require.Len(t, actual, 10)
	require.Equal(t, actual, documented(string(page)))
}

var (
	heading = regexp.MustCompile("^### `([a-z_]+)`$")
	column  = regexp.MustCompile("^\\| `([a-z0-9_]+)` \\|(?: ([A-Z]+) \\|)?")
)

// documented are the columns of each table and view on the page, with their types.
func documented(page string) map[string]map[string]string {
	all := map[string]map[string]string{}
	table := ""
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if m := heading.FindStringSubmatch(line); m != nil {
			table = m[1]
			all[table] = map[string]string{}
		} else if m := column.FindStringSubmatch(line); m != nil && table != "" {
			all[table][m[1]] = m[2]
		}
	}
	return all
}

// TestTheShell runs the page's examples in the sqlite3 shell where there is one.
func TestTheShell(t *testing.T) {
	shell, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Skip("no sqlite3 on this machine")
	}
	page, err := os.ReadFile(filepath.Join("..", "docs", "ledger.md"))
	require.NoError(t, err)
	d := newDesk(t)
	d.sweep(host("198.51.100.7", "C1", "mail", "store"))
	want := map[string]string{
		"open_findings":    "1|198.51.100.7|suspect|0.2|new||C1|64500|meliorator/mail meliorator/store|",
		"host_history":     "|observed|suspect|0.2|C1|meliorator/mail meliorator/store|[\"meliorator@1\"]|||1\n198.51.100.7|",
		"sqlar_uncompress": `{"schema":"netschouw.host/v1"`,
	}
	examples := regexp.MustCompile(`(?m)^sqlite3 -readonly ledger\.db (?:'([^\n]*)'|"([^\n]*)")(?: +#.*)?$`).FindAllStringSubmatch(string(page), -1)
	require.Len(t, examples, len(want))
	for _, e := range examples {
		query := strings.Replace(e[1]+e[2], "id = 12", "id = 1", 1)
		out, err := exec.Command(shell, "-readonly", d.Path(), query).CombinedOutput()
		require.NoError(t, err, "%s: %s", query, out)
		found := false
		for word, result := range want {
			if strings.Contains(query, word) {
				found = true
				require.Contains(t, string(out), result)
			}
		}
		require.True(t, found, query)
	}
}

// TestTheViews agree with what the commands say.
func TestTheViews(t *testing.T) {
	d := newDesk(t)
	d.sweep(host(a1, "C1", "mail"), host(a2, "C1", "mail"), host("198.51.100.9", "C1", "mail", "store", "panel"))
	require.NoError(t, d.Dismiss(t.Context(), d.at(a1).ID, Action{Reason: "x"}))
	list, err := d.Findings(t.Context(), Filter{}, BySeverity)
	require.NoError(t, err)
	rows, err := d.db.Query("SELECT address FROM open_findings")
	require.NoError(t, err)
	defer rows.Close()
	for _, f := range list {
		var address string
		require.True(t, rows.Next())
		require.NoError(t, rows.Scan(&address))
		require.Equal(t, f.Address.String(), address)
	}
	require.False(t, rows.Next())
	require.NoError(t, rows.Err())
}
