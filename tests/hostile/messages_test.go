package hostile

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestEveryMessageIsListed compares Everything with the methods in the source.
func TestEveryMessageIsListed(t *testing.T) {
	listed := map[string]bool{}
	for _, m := range Everything {
		listed[strings.TrimPrefix(reflect.TypeOf(m).String(), "*")] = true
	}
	files, err := filepath.Glob("../../internal/ipc/*msg/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Name.Name != "IPCType" || f.Recv == nil {
				continue
			}
			receiver := f.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name
			if name := parsed.Name.Name + "." + receiver; !listed[name] {
				t.Errorf("%s is not in Everything", name)
			}
		}
	}
}

// TestSourceEnds fills every message from any single byte repeated.
func TestSourceEnds(t *testing.T) {
	words := new(Words)
	words.Numbers(7)
	words.Texts([]byte("word"))
	for fill := range 256 {
		for i, kind := range Everything {
			b := make([]byte, 1+64*i)
			for j := range b {
				b[j] = byte(fill)
			}
			s := NewSource(b, words)
			m := s.Message(Everything[i : i+1])
			if reflect.TypeOf(m) != reflect.TypeOf(kind) {
				t.Fatalf("%T, want %T", m, kind)
			}
		}
	}
}
