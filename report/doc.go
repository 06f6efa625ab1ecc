// Package report writes what people and other systems read: one file per format. Everything that came from a probed
// host is cleaned here, where it is shown.
package report
