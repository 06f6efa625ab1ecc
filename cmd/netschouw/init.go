package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/netschouw/netschouw/cmd/netschouw/config"
)

func initCommand(w *world) *cli.Command {
	// The settings that differ from one provider to the next; the others are there to be read, with their defaults.
	paths := []string{"scope.owned", "scope.excluded", "scope.excluded_files", "scope.asns", "identify.contact",
		"identify.ehlo", "netinfo.resolvers", "netinfo.asn_db", "netinfo.country_db", "netinfo.customers", "state"}
	return command("init", "write a commented netschouw.yaml", manual{
		about: "Writes a configuration with every key, its meaning and its default. Flags fill in values. " +
			"A file that is there is left alone unless --force is given.",
		settings: paths,
		examples: []example{
			{"the least that a sweep needs", "netschouw init --owned 198.51.100.0/24"},
			{"look at it first", "netschouw init --owned 198.51.100.0/24 --owned 2001:db8:40::/48 --asn 64500 --asn-db /var/lib/GeoIP/GeoLite2-ASN.mmdb --config -"},
		},
	}, func(c *cli.Context) error { return w.writeTemplate(c) },
		&cli.BoolFlag{Name: "force", Usage: "overwrite a file that is there"})
}

func (w *world) writeTemplate(c *cli.Context) error {
	path := c.String(configFlag)
	if path == "" {
		path = config.Places()[0]
	}
	preset := given(c)
	if err := fromFolder(preset, path); err != nil {
		return input(err)
	}
	if _, _, err := config.Load(config.Sources{File: os.DevNull, Flags: preset}); err != nil {
		return input(err) // what would be written must load
	}
	body := config.Template(preset)
	if path == "-" {
		_, err := io.WriteString(w.stdout, body)
		return err
	}
	if err := writeNew(path, body, c.Bool("force")); err != nil {
		return err
	}
	next := "netschouw scope show"
	if path != config.Places()[0] {
		next += " --config " + path
	}
	if len(preset["scope.owned"]) == 0 {
		next = "set scope.owned to your own ranges, then: " + next
	}
	_, err := fmt.Fprintf(w.stderr, "wrote %s\nnext: %s\n", path, next)
	return err
}

// fromFolder makes paths that are relative to the current folder absolute when the file will lie in another one: in the
// file, relative paths are relative to the file's own folder.
func fromFolder(preset map[string][]string, path string) error {
	if path == "-" || filepath.Dir(path) == "." {
		return nil
	}
	for _, key := range config.Keys() {
		for i, name := range preset[key.Path] {
			if !key.Files || name == "" {
				continue
			}
			whole, err := filepath.Abs(name)
			if err != nil {
				return err
			}
			preset[key.Path][i] = whole
		}
	}
	return nil
}

// writeNew writes a file that anyone may read: nothing in it is secret. It replaces one that is there only
// by force, and then at once.
func writeNew(path, body string, force bool) error {
	if _, err := os.Lstat(path); err == nil && !force {
		return usage("give --force to overwrite it, or another name with --config", "%s is there already", path)
	}
	f, err := replaceFile(path, 0o644)
	if err != nil {
		return input(err)
	}
	if _, err := io.WriteString(f, body); err != nil {
		f.discard()
		return err
	}
	return f.commit()
}
