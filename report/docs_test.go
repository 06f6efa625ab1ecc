package report

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const outputDoc = "../docs/output.md"

// tables are the parts of docs/output.md that are made from the code, by the name of their marker.
func tables() map[string]string {
	formats, columns := "| `--format` | media type | file | what |\n|---|---|---|---|\n", "| column | meaning |\n|---|---|\n"
	for _, f := range Formats() {
		formats += fmt.Sprintf("| `%s` | `%s` | `%s` | %s |\n", f.Name, f.MIME, f.Extension, f.Description)
	}
	for _, c := range Columns() {
		columns += fmt.Sprintf("| `%s` | %s |\n", c.Name, c.Meaning)
	}
	return map[string]string{"formats": formats, "columns": columns}
}

// TestDocsAreMadeFromTheCode compares the tables of docs/output.md with the registry; -update writes them.
func TestDocsAreMadeFromTheCode(t *testing.T) {
	text, err := os.ReadFile(outputDoc)
	require.NoError(t, err)
	got := string(text)
	for name, table := range tables() {
		part := regexp.MustCompile(`(?s)(<!-- ` + name + `: [^\n]* -->\n).*?(<!-- end -->)`)
		require.True(t, part.MatchString(got), "%s has no part marked %s", outputDoc, name)
		got = part.ReplaceAllString(got, "${1}"+strings.ReplaceAll(table, "$", "$$")+"${2}")
	}
	if *update {
		require.NoError(t, os.WriteFile(outputDoc, []byte(got), 0o644))
		return
	}
	require.Equal(t, got, string(text), "run: go test ./report -update")
}

// TestDocsNameEveryField checks that docs/output.md explains each key of the schemas.
func TestDocsNameEveryField(t *testing.T) {
	text, err := os.ReadFile(outputDoc)
	require.NoError(t, err)
	fields := map[string]bool{}
	for _, name := range []string{"host.v1.json", "report.v1.json"} {
		doc := schemaDoc(t, name).(map[string]any)
		described(t, doc, doc, "", fields)
		for def, inner := range doc["$defs"].(map[string]any) {
			described(t, inner.(map[string]any), doc, def, fields)
		}
	}
	require.Greater(t, len(fields), 100)
	for path := range fields {
		key := path[strings.LastIndex(path, ".")+1:]
		require.Contains(t, string(text), "`"+key+"`", "%s does not explain %s", outputDoc, path)
	}
}
