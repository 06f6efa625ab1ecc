package checks

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/checks/strict"
)

//go:embed packs/*.yaml
var shipped embed.FS

// LoadOptions says which rule packs to load.
type LoadOptions struct {
	// Packs names packs that netschouw ships; none means all of them.
	Packs []string
	// Dirs are folders whose *.yaml and *.yml files are packs too. Their names must differ from the shipped ones loaded.
	Dirs []string
}

// Ruleset is a set of loaded packs, ready to assess hosts. It never changes, and may be used from many goroutines.
type Ruleset struct {
	packs  []*pack
	rules  []*rule
	stamps []string
	words  wordTable
	// The rules by what wakes them: for each protocol's number, and for names and hosts.
	services [][]*rule
	names    []*rule
	hosts    []*rule
	pool     sync.Pool // of *evaluator
	faults   faults
}

// Load reads and checks rule packs. The error is a strict.Errors with every mistake of every file, or that of a folder
// that could not be read.
func Load(opts LoadOptions) (*Ruleset, error) {
	files, err := shippedFiles(opts.Packs)
	if err != nil {
		return nil, err
	}
	for _, dir := range opts.Dirs {
		more, err := filesOf(dir)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	return loadFiles(files)
}

// packSource is the text of a pack and how to call it in messages.
type packSource struct {
	file string
	data []byte
}

func shippedFiles(wanted []string) (files []packSource, err error) {
	entries, err := shipped.ReadDir("packs")
	if err != nil {
		return nil, err
	}
	var known []string
	for _, e := range entries {
		known = append(known, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	if len(wanted) == 0 {
		wanted = known
	}
	for i, name := range wanted {
		if !slices.Contains(known, name) {
			return nil, strict.Errors{{File: "rules.packs", Path: fmt.Sprintf("rules.packs[%d]", i), Value: name,
				Message: fmt.Sprintf("no rule pack %q is shipped", strict.Clip(name, 80)),
				Remedy:  strict.Nearest(name, known) + " (a pack of your own belongs in a folder of rules.dirs)"}}
		}
		if slices.Contains(wanted[:i], name) {
			continue
		}
		data, err := shipped.ReadFile(path.Join("packs", name+".yaml"))
		if err != nil {
			return nil, err
		}
		files = append(files, packSource{path.Join("packs", name+".yaml"), data})
	}
	return files, nil
}

func filesOf(dir string) (files []packSource, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("rules.dirs: %w", err)
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); e.IsDir() || ext != ".yaml" && ext != ".yml" {
			continue
		}
		file := filepath.Join(dir, e.Name())
		data, err := readBounded(file)
		if err != nil {
			return nil, fmt.Errorf("rules.dirs: %w", err)
		}
		files = append(files, packSource{file, data})
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("rules.dirs: no *.yaml file in %s; put a rule pack there or leave the folder out", dir)
	}
	return files, nil
}

// readBounded reads one byte more than a pack may have, so that the decoder sees that it is too long.
func readBounded(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, strict.MaxBytes+1))
}

// loadFiles builds a rule set, or returns the mistakes of all files.
func loadFiles(files []packSource) (*Ruleset, error) {
	rs := &Ruleset{words: wordTable{number: map[string]int{}}, services: make([][]*rule, len(probe.Protocols()))}
	var all strict.Errors
	owner := map[string]string{}
	for _, f := range files {
		p, err := loadPack(f, &rs.words)
		if err != nil {
			var list strict.Errors
			if !errors.As(err, &list) {
				return nil, err
			}
			all = append(all, list...)
			continue
		}
		if first, twice := owner[p.name]; twice {
			all = append(all, strict.Problem{File: f.file, Path: "pack", Value: p.name,
				Message: fmt.Sprintf("rule pack %q is already loaded from %s", p.name, first), Remedy: "give one of them another name"})
			continue
		}
		owner[p.name] = f.file
		rs.add(p)
	}
	if len(all) > 0 {
		return nil, all
	}
	rs.pool.New = func() any { return newEvaluator(rs) }
	return rs, nil
}

func (rs *Ruleset) add(p *pack) {
	rs.packs = append(rs.packs, p)
	rs.stamps = append(rs.stamps, p.stamp)
	for _, r := range p.rules {
		rs.rules = append(rs.rules, r)
		switch r.def.Each {
		case eachHost:
			rs.hosts = append(rs.hosts, r)
		case eachName:
			rs.names = append(rs.names, r)
		default:
			for _, name := range r.def.Protocol {
				n, _ := protocolNumber(name)
				rs.services[n] = append(rs.services[n], r)
			}
		}
	}
}

// Words returns the words that conditions look for in pages and scripts: what a probe's Session.Words must hold.
func (rs *Ruleset) Words() []string { return slices.Clone(rs.words.list) }

// Packs returns the names and versions of the loaded packs, as Assessment.Packs has them.
func (rs *Ruleset) Packs() []string { return slices.Clone(rs.stamps) }

// List describes the loaded rules in the order of their packs.
func (rs *Ruleset) List() []RuleInfo {
	list := make([]RuleInfo, len(rs.rules))
	for i, r := range rs.rules {
		list[i] = r.info()
	}
	return list
}
