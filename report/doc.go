// Package report writes what people and other systems read: one file per format. Everything that came from a probed
// host is cleaned here, where it is shown, and nowhere else: findings keep what was seen.
//
// A Writer takes findings as the tour makes them. The machine-readable formats (jsonl, csv, json) write each one at
// once and hold nothing; text orders what it has to say and therefore speaks at Close. Each and Read take the JSON
// formats back in.
package report
