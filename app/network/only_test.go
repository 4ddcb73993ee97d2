package network

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestOnlyHere wants no other package to open connections past the switch: none uses net's ways to dial, but for sockets of
// this machine's file system, or an HTTP client or transport that was not made here.
func TestOnlyHere(t *testing.T) {
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			switch name := e.Name(); {
			case name == "network", strings.HasSuffix(name, "test"), strings.HasPrefix(name, ".") && len(name) > 2, name == "assets":
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files++
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && len(call.Args) > 0 {
				if kind, ok := call.Args[0].(*ast.BasicLit); ok && kind.Value == `"unix"` {
					return false
				}
			}
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			p, ok := s.X.(*ast.Ident)
			if !ok || p.Obj != nil {
				return true
			}
			switch p.Name + "." + s.Sel.Name {
			case "net.Dial", "net.DialTimeout", "net.DialTCP", "net.DialUDP", "net.Dialer", "net.LookupHost", "net.LookupIP", "net.Resolver", "tls.Dial", "tls.Dialer",
				"http.Get", "http.Post", "http.PostForm", "http.Head", "http.DefaultClient", "http.DefaultTransport", "http.Transport":
				t.Errorf("%v: %s.%s opens connections past the offline switch: take a client of network.Network", set.Position(s.Pos()), p.Name, s.Sel.Name)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 100 {
		t.Errorf("only %d files were looked at", files)
	}
}
