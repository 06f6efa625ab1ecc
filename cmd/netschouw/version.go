package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// version is set by the linker when a release is built: -X main.version=v1.2.3.
var version string

// build is what the toolchain stamped into this binary.
type build struct {
	Version   string `json:"version"`            // of the module, "devel" for one built from a working copy without tags
	Commit    string `json:"commit,omitempty"`   // "" when built outside a repository
	Time      string `json:"time,omitempty"`     // of the commit, RFC 3339
	Modified  bool   `json:"modified,omitempty"` // the working copy had changes that are not in the commit
	GoVersion string `json:"go"`
	Platform  string `json:"platform"`
}

func readBuild() build {
	b := build{Version: "devel", GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	if version != "" {
		b.Version = version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (b build) String() string {
	s := "netschouw " + b.Version
	if b.Commit != "" {
		s += " commit " + b.Commit[:min(12, len(b.Commit))]
		if b.Modified {
			s += " (modified)"
		}
	}
	return s + " " + b.GoVersion + " " + b.Platform
}

func versionCommand(w *world) *cli.Command {
	return command("version", "tell which build this is", manual{examples: []example{
		{"one line for a person", "netschouw version"},
		{"for a program", "netschouw version --format json"},
	}}, func(c *cli.Context) error {
		asJSON, err := wantsJSON(c)
		if err != nil {
			return err
		}
		if asJSON {
			return json.NewEncoder(w.stdout).Encode(readBuild())
		}
		_, err = fmt.Fprintln(w.stdout, readBuild())
		return err
	}, formatFlag())
}
