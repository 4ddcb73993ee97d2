package app

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"burble/inference"
)

// holding returns the files below dir that hold text.
func holding(t *testing.T, dir, text string) (files []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(text)) {
			files = append(files, filepath.Base(path))
		}
		return err
	}))
	return files
}

// TestTemporaryChat goes through a temporary chat and looks for its words in the bytes of every file there is, SQLite's log
// included: while it runs, and after the end.
func TestTemporaryChat(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SQLITE_TMPDIR", dir)
	a, f := start(t, dir)
	const secret = "xylophone-marmalade"
	kept := newChat(t, a)
	must(t, a.Chats.Send(kept.ID, "this is kept"))
	id, _ := f.asked(t, 1)
	f.answer(id, "and this")
	settled(t, a, kept.ID)

	c, err := a.Chats.CreateTemporary()
	must(t, err)
	if !Temporary(c.ID) || Temporary(kept.ID) {
		t.Fatalf("ids %d and %d", c.ID, kept.ID)
	}
	log := record(t, a)
	must(t, a.Chats.SetDraft(c.ID, secret+" draft"))
	must(t, a.Chats.Rename(c.ID, secret+" title"))
	must(t, a.Chats.Send(c.ID, secret+" question"))
	id, r := f.asked(t, 2)
	if len(r.Messages) != 1 || r.Messages[0].Content != secret+" question" {
		t.Errorf("the engine is asked %+v", r.Messages)
	}
	f.send(inference.Started{ID: id, PromptTokens: 3}, inference.Token{ID: id, Text: secret + " half an answer", Tokens: 1})
	find(t, log, func(s MessageStreaming) bool { return s.ChatID == c.ID })
	f.answer(id, ", and the rest")
	m := settled(t, a, c.ID)
	if len(m) != 2 || m[1].Content != secret+" half an answer, and the rest" || m[1].Status != StatusComplete {
		t.Fatalf("messages = %+v", m)
	}
	// All that a chat can do, it can.
	must(t, a.Chats.Regenerate(c.ID))
	id, _ = f.asked(t, 3)
	f.answer(id, secret+" again")
	if m = settled(t, a, c.ID); m[1].Siblings != 2 {
		t.Errorf("made again: %+v", m)
	}
	versions, err := a.Chats.Siblings(m[1].ID)
	must(t, err)
	must(t, a.Chats.Show(versions[0]))
	must(t, a.Chats.Edit(m[0].ID, secret+" edited"))
	id, _ = f.asked(t, 4)
	f.answer(id, "x")
	settled(t, a, c.ID)
	if one, err := a.Chats.Message(m[0].ID); err != nil || one.ChatID != c.ID {
		t.Errorf("Message = %+v, %v", one, err)
	}

	// The lists and the search know nothing of it.
	if list, err := a.Chats.List(); err != nil || len(list) != 1 || list[0].ID != kept.ID {
		t.Errorf("List = %+v, %v", list, err)
	}
	if hits, err := a.Chats.Search("xylophone", 5); err != nil || len(hits) != 0 {
		t.Errorf("Search = %+v, %v", hits, err)
	}
	if files := holding(t, dir, secret); files != nil {
		t.Errorf("written to %v", files)
	}
	if files := holding(t, dir, "this is kept"); files == nil {
		t.Error("the test does not find what is written")
	}
	// It can be left and gone back to, until the next one.
	must(t, a.Chats.Delete(c.ID))
	must(t, a.Chats.Restore(c.ID))
	if len(messages(t, a, c.ID)) != 2 {
		t.Error("it did not come back")
	}
	next, err := a.Chats.CreateTemporary()
	must(t, err)
	if len(messages(t, a, c.ID)) != 0 || next.ID == c.ID {
		t.Error("the old one is still there")
	}
	must(t, a.Chats.Send(next.ID, secret))
	must(t, a.Close())
	if files := holding(t, dir, secret); files != nil {
		t.Errorf("after the end, written to %v", files)
	}
}

// TestMethodsKnowTemporaryChats reads the source: each method of Chats that gets the id of a chat or a message first has to
// hand over to the temporary chats', or a temporary chat would be missing in it.
func TestMethodsKnowTemporaryChats(t *testing.T) {
	without := map[string]string{ // and why
		"Move": "folders are on disk", "Pin": "the list does not show it", "Archive": "it is not kept",
		"Keep": "it is about temporary ones alone",
	}
	files, err := filepath.Glob("*.go")
	must(t, err)
	checked := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		must(t, err)
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !takesID(f) || without[f.Name.Name] != "" || strings.Contains(f.Name.Name, "Folder") {
				continue
			}
			checked++
			if !handsOver(f) {
				t.Errorf("%s: Chats.%s has to begin with:\n\tif t := c.of(%[3]s); t != c {\n\t\treturn t.%[2]s(%[3]s, …)\n\t}",
					name, f.Name.Name, f.Type.Params.List[0].Names[0].Name)
			}
		}
	}
	if checked < 15 {
		t.Errorf("only %d methods were looked at", checked)
	}
}

// takesID reports whether f is an exported method of *Chats whose first parameter is an int64.
func takesID(f *ast.FuncDecl) bool {
	if f.Recv == nil || !f.Name.IsExported() || len(f.Type.Params.List) == 0 {
		return false
	}
	star, ok := f.Recv.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	on, ok := star.X.(*ast.Ident)
	first, is := f.Type.Params.List[0].Type.(*ast.Ident)
	return ok && is && on.Name == "Chats" && first.Name == "int64"
}

// handsOver reports whether the first statement of f is: if t := c.of(…); …
func handsOver(f *ast.FuncDecl) bool {
	branch, ok := f.Body.List[0].(*ast.IfStmt)
	if !ok {
		return false
	}
	assign, ok := branch.Init.(*ast.AssignStmt)
	if !ok {
		return false
	}
	call, ok := assign.Rhs[0].(*ast.CallExpr)
	if !ok {
		return false
	}
	of, ok := call.Fun.(*ast.SelectorExpr)
	return ok && of.Sel.Name == "of"
}
