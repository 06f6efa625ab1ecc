package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxFile bounds a configuration file, in bytes. Long lists of ranges belong into files of their own.
const maxFile = 4 << 20

// places are where a configuration is looked for when none is named, in this order.
var places = []string{"netschouw.yaml", "/etc/netschouw/netschouw.yaml"}

// Places lists where a configuration file is looked for when none is named, in order.
func Places() []string { return append([]string(nil), places...) }

// Sources says where values come from.
type Sources struct {
	// File is the configuration file. "" looks in Places, and goes without a file when there is none.
	File string
	// Environ is the environment in the form of os.Environ. NETSCHOUW_CONFIG names the file when File is "".
	Environ []string
	// Flags holds the values of the flags that were given, by key path.
	Flags map[string][]string
}

// ConfigEnv is the environment variable that names the configuration file.
const ConfigEnv = "NETSCHOUW_CONFIG"

// Load reads a configuration: defaults, then the file, then the environment, then flags; then it is validated. The
// returned path is the file that was read, "" for none.
func Load(src Sources) (*Config, string, error) {
	env := environment(src.Environ)
	path, err := find(src.File, env)
	if err != nil {
		return nil, "", err
	}
	c := Default()
	if path != "" {
		if err := c.readFile(path); err != nil {
			return nil, path, err
		}
	}
	if err := c.readEnv(env); err != nil {
		return nil, path, err
	}
	if err := c.readFlags(src.Flags); err != nil {
		return nil, path, err
	}
	return c, path, c.validate()
}

func find(named string, env map[string]string) (string, error) {
	if named == "" {
		named = env[ConfigEnv]
	}
	if named != "" {
		return named, nil
	}
	for _, p := range places {
		_, err := os.Stat(p)
		if err == nil {
			return p, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			// A configuration that is there and cannot be read must not turn into none.
			return "", &Error{What: fmt.Sprintf("cannot read the configuration: %v", err)}
		}
	}
	return "", nil
}

func (c *Config) readFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		e := &Error{What: fmt.Sprintf("cannot read the configuration: %v", err)}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			e.Remedy = "write one with: netschouw init"
		case errors.Is(err, fs.ErrPermission):
			e.Remedy = "let this user read it, or name another one: --config FILE"
		}
		return e
	}
	defer f.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return &Error{At: path, What: fmt.Sprintf("cannot read the configuration: %v", err)}
	}
	if len(body) > maxFile {
		return &Error{At: path, What: "larger than 4 MiB", Remedy: "put long lists of ranges into scope.owned_files and scope.excluded_files"}
	}
	keys, err := decode(path, body)
	if err != nil {
		return err
	}
	for _, w := range keys {
		key, _ := ByPath(w.path)
		if key.Files {
			for i, it := range w.items {
				w.items[i].Text = beside(path, it.Text)
			}
		}
		if err := c.set(key, w.at, w.items); err != nil {
			return err
		}
	}
	return nil
}

// beside resolves a path in a configuration file: relative ones are relative to the file's folder, so that a run
// does not depend on where cron starts it.
func beside(file, path string) string {
	if path == "" || path == "-" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}

func environment(environ []string) map[string]string {
	env := map[string]string{}
	for _, line := range environ {
		if name, val, ok := strings.Cut(line, "="); ok && strings.HasPrefix(name, "NETSCHOUW_") {
			env[name] = val
		}
	}
	return env
}

// readEnv sets the keys whose variables are there. A variable that is one slip away from a key's is an error: a
// setting that was meant must not be dropped in silence. Others are left alone, because orchestrators invent such names
// (NETSCHOUW_SERVICE_HOST).
func (c *Config) readEnv(env map[string]string) error {
	names := []string{ConfigEnv}
	for _, k := range keys {
		names = append(names, k.Env())
		val, ok := env[k.Env()]
		if !ok {
			continue
		}
		parts := []string{val}
		if k.List {
			parts = splitList(val)
		}
		delete(env, k.Env())
		if err := c.set(k, k.Env(), itemsAt(k.Env(), parts)); err != nil {
			return err
		}
	}
	delete(env, ConfigEnv)
	for name := range env {
		if near := nearVariable(name, names); near != "" {
			return &Error{What: "unknown environment variable " + name, Remedy: "did you mean " + near + "?"}
		}
	}
	return nil
}

func nearVariable(name string, names []string) string {
	const prefix = "NETSCHOUW_"
	short := make([]string, len(names))
	for i, n := range names {
		short[i] = strings.TrimPrefix(n, prefix)
	}
	if near := Nearest(strings.TrimPrefix(name, prefix), short); near != "" {
		return prefix + near
	}
	return ""
}

func (c *Config) readFlags(flags map[string][]string) error {
	for _, k := range keys {
		vals, ok := flags[k.Path]
		if !ok {
			continue
		}
		if k.List {
			vals = splitList(strings.Join(vals, ","))
		}
		at := "--" + k.Flag
		if err := c.set(k, at, itemsAt(at, vals)); err != nil {
			return err
		}
	}
	return nil
}

func splitList(s string) []string {
	var out []string
	for _, part := range strings.Split(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func itemsAt(at string, texts []string) []Item {
	out := make([]Item, len(texts))
	for i, t := range texts {
		out[i] = Item{t, at}
	}
	return out
}

// set gives a key its value and remembers where it was written.
func (c *Config) set(key Key, at string, items []Item) error {
	if err := key.bind(c).set(items); err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return err
		}
		if e.Key = key.Path; e.At == "" {
			e.At = at
		}
		if strings.HasPrefix(e.At, "--") || strings.HasPrefix(e.At, "NETSCHOUW_") {
			e.Key = "" // flag and variable name the key already
		}
		return e
	}
	c.origins[key.Path] = at
	return nil
}
