package checks

import (
	"reflect"
	"slices"
	"strings"
)

// documented lists what a pack's author can write: keys, groups, functions, variables and their fields, kinds.
func documented() (list []string) {
	add := func(names ...string) { list = append(list, names...) }
	for _, v := range []any{packFile{}, sourceDef{}, indicatorDef{}, ruleDef{}, validDef{}, evidenceDef{}, caseDef{}, caseHost{}} {
		t := reflect.TypeOf(v)
		for i := range t.NumField() {
			if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "-" && name != "" {
				add(name)
			}
		}
	}
	for _, v := range []any{hostView{}, serviceView{}, nameView{}} {
		t := reflect.TypeOf(v)
		variable := strings.TrimSuffix(t.Name(), "View")
		for i := range t.NumField() {
			add(variable + "." + t.Field(i).Tag.Get("expr"))
		}
	}
	env := environment(new(evaluator), eachHost, nil)
	for name, v := range env {
		if name[0] != '_' && reflect.TypeOf(v).Kind() == reflect.Func {
			add(name)
		}
	}
	add(groupNames[:]...)
	add(scopes...)
	add(kinds...)
	add(nameKinds...)
	add(wordPlaces...)
	add(protocolNames()...)
	slices.Sort(list)
	return slices.Compact(list)
}
