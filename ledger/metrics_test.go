package ledger

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

// TestMetrics reads the file with Prometheus' own parser.
func TestMetrics(t *testing.T) {
	d, ctx := newDesk(t), context.Background()
	_, err := d.Metrics(ctx)
	require.ErrorIs(t, err, ErrNotFound)
	d.sweep(host(a1, "C1", "mail"), host(a2, "C1", "mail", "store", "panel"), host("198.51.100.3", "C1", "mail"), host("198.51.100.4", "C1", "mail"))
	d.sweep(host("198.51.100.4", "C1"))
	require.NoError(t, d.Dismiss(ctx, d.at(a1).ID, Action{Reason: "x"}))
	_, err = d.Enqueue(ctx, "mail", d.at(a2).ID, NoteNew)
	require.NoError(t, err)
	complete := d.clock.time().Add(time.Hour)
	d.clock.add(day)
	cut := d.begin(d.newRun())
	require.NoError(t, cut.Close())

	m, err := d.Metrics(ctx)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "netschouw.prom")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	require.NoError(t, WriteMetrics(path, m))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o644), info.Mode().Perm(), "the collector is another user")
	names, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, names, 1)

	got := parsed(t, path)
	for series, want := range map[string]float64{
		"netschouw_last_success_timestamp_seconds":                     float64(complete.Unix()),
		"netschouw_run_start_timestamp_seconds":                        float64(d.clock.time().Unix()),
		"netschouw_run_complete":                                       0,
		"netschouw_run_duration_seconds":                               0,
		`netschouw_findings{handling="open", verdict="match"}`:         1,
		`netschouw_findings{handling="open", verdict="suspect"}`:       1,
		`netschouw_findings{handling="dismissed", verdict="suspect"}`:  1,
		`netschouw_findings{handling="acknowledged", verdict="match"}`: 0,
		`netschouw_notes_waiting`:                                      1,
		`netschouw_notes_failing`:                                      0,
	} {
		require.Contains(t, got, series)
		require.InDelta(t, want, got[series], 0.001, series)
	}

	d.sweep(host(a1, "C1"))
	m, err = d.Metrics(ctx)
	require.NoError(t, err)
	require.NoError(t, WriteMetrics(path, m))
	next := parsed(t, path)
	require.Len(t, next, len(got), "no series comes or goes")
	require.InDelta(t, 1, next["netschouw_run_complete"], 0)
	require.InDelta(t, 3600, next["netschouw_run_duration_seconds"], 0)
	require.InDelta(t, 1, next[`netschouw_run_hosts{outcome="assessed"}`], 0)
	require.InDelta(t, 1<<16, next["netschouw_run_addresses"], 0)

	require.ErrorContains(t, WriteMetrics(filepath.Join(t.TempDir(), "x.txt"), m), ".prom")
}

func parsed(t *testing.T, path string) map[string]float64 {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	require.NoError(t, err)
	all := map[string]float64{}
	for name, f := range families {
		require.NotEmpty(t, f.GetHelp(), name)
		for _, m := range f.GetMetric() {
			metric := model.Metric{model.MetricNameLabel: model.LabelValue(name)}
			for _, l := range m.GetLabel() {
				metric[model.LabelName(l.GetName())] = model.LabelValue(l.GetValue())
			}
			all[metric.String()] = m.GetGauge().GetValue()
		}
	}
	return all
}
