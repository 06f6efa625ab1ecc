package dial

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ways lists, by import path, the names that open a socket to somewhere. Constructors of clients count, because a client
// of one's own is a way around the gate.
var ways = map[string][]string{
	"net": {"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialIP", "DialUnix", "Dialer", "LookupHost", "LookupIP", "LookupAddr",
		"LookupMX", "Resolver", "DefaultResolver", "ListenPacket", "ListenUDP", "ListenIP"},
	"net/http":                    {"Get", "Head", "Post", "PostForm", "Client", "Transport", "DefaultClient", "DefaultTransport"},
	"crypto/tls":                  {"Dial", "DialWithDialer", "Dialer"},
	"golang.org/x/crypto/ssh":     {"Dial"},
	"golang.org/x/sys/unix":       {"Socket", "Connect", "Sendto", "Sendmsg", "SendmsgN"},
	"syscall":                     {"Socket", "Connect", "Sendto", "SendmsgN"},
	"net/smtp":                    {"Dial", "SendMail"},
	"github.com/miekg/dns":        {"Client", "Exchange", "Dial", "DialTimeout", "DialWithTLS", "Transfer"},
	"go.mongodb.org/mongo-driver": {"Connect"},
}

// exempt are the folders that may open sockets, each with its reason.
var exempt = map[string]string{
	"checks/probe/dial": "this is the way",
	"netinfo":           "asks the configured resolvers, and nothing else",
	"cmd/bench":         "measures in network namespaces of its own, and is no part of netschouw",
	"fixtures":          "plays the hosts: it listens, and sets up its own network namespace",
}

// sockets lists the uses of ways in a file, as "line: package.Name".
func sockets(fset *token.FileSet, file *ast.File) (found []string) {
	local := map[string][]string{}
	for _, imp := range file.Imports {
		path := strings.Trim(imp.Path.Value, `"`)
		if names, ok := ways[path]; ok {
			as := path[strings.LastIndex(path, "/")+1:]
			if imp.Name != nil {
				as = imp.Name.Name
			}
			local[as] = names
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := sel.X.(*ast.Ident); ok && slices.Contains(local[pkg.Name], sel.Sel.Name) {
			found = append(found, fmt.Sprintf("%s: %s.%s", fset.Position(sel.Pos()), pkg.Name, sel.Sel.Name))
		}
		return true
	})
	return found
}

func TestNoOtherPackageOpensSockets(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	fset := token.NewFileSet()
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		for dir := range exempt {
			if strings.HasPrefix(filepath.ToSlash(rel), dir+"/") {
				return nil
			}
		}
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		files++
		for _, use := range sockets(fset, file) {
			t.Errorf("%s opens a socket of its own; hosts are reached through dial.Dialer only", use)
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, files, 10, "the walk did not find the code")
}

func TestTheGateAgainstSocketsSeesAPlantedOne(t *testing.T) {
	for _, src := range []string{
		`package p; import "net"; func f() { net.Dial("tcp", "192.0.2.1:80") }`,
		`package p; import n "net"; var d = n.Dialer{}`,
		`package p; import "net/http"; var c http.Client`,
		`package p; import "golang.org/x/sys/unix"; func f() { unix.Socket(1, 2, 3) }`,
	} {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, "planted.go", src, 0)
		require.NoError(t, err)
		require.Len(t, sockets(fset, file), 1, src)
	}
}
