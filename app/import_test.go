package app

import (
	"archive/zip"
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"burble/inference/sample"
)

// tree writes all messages of a chat, versions and all, one a line, indented by their depth.
func tree(t testing.TB, a *App, chatID int64) string {
	t.Helper()
	c, err := a.Chats.Chat(chatID)
	must(t, err)
	f, err := a.Chats.fileChat(a.Chats.ctx, c, nil, nil)
	must(t, err)
	var b strings.Builder
	var write func(parent int64, depth int)
	write = func(parent int64, depth int) {
		for _, m := range f.Messages {
			if m.Parent == parent {
				fmt.Fprintf(&b, "%s%s: %s", strings.Repeat(" ", depth), m.Role, strings.ReplaceAll(m.Content, "\n", "/"))
				for _, note := range []string{m.Reasoning, m.Model} {
					if note != "" {
						fmt.Fprintf(&b, " [%s]", strings.ReplaceAll(note, "\n", "/"))
					}
				}
				if m.ID == f.Leaf {
					b.WriteString(" ←")
				}
				b.WriteString("\n")
				write(m.ID, depth+1)
			}
		}
	}
	write(0, 0)
	return b.String()
}

func TestImportForeign(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, s)
		must(t, err)
		return v
	}
	type want struct {
		title, system, tree string
		created, updated    time.Time
		pinned, archived    bool
	}
	for _, c := range []struct {
		file, from  string
		left, empty int
		chats       []want
	}{
		{"chatgpt.json", "ChatGPT", 1, 1, []want{
			{"Cutting strings", "I write Go.\n\nBe brief.",
				"user: How do I cut a string?\n" +
					" assistant: Use strings.Cut. [gpt-4o-mini]\n" +
					"  user: Prove it.\n" +
					"   assistant: I run it.//It holds. [Thinking of a test//A test would do.] [o3] ←\n" +
					" assistant: Use strings.Split. [gpt-4o]\n",
				at("2024-03-18T12:00:00.25Z"), at("2024-03-18T12:05:00.5Z"), false, true},
			{"An untitled question", "", "user: An untitled question/with two lines ←\n",
				at("2024-03-09T16:00:00Z"), at("2024-03-09T16:00:00Z"), false, false},
		}},
		{"openwebui.json", "Open WebUI", 2, 0, []want{
			{"Soup", "You are a cook.",
				"user: Soup?\n" +
					" assistant: Leek. [Qwen3 4B]\n" +
					"  user: Without leek\n" +
					" assistant: Carrot soup. [Something <warm>./Carrots.] [qwen3:4b] ←\n",
				at("2024-03-18T12:00:00Z"), at("2024-03-18T12:01:40Z"), true, false},
			{"Old", "Old rules.", "user: Hello\n assistant: Hi. [llama2] ←\n",
				at("2023-07-22T04:26:40Z"), at("2023-07-22T04:26:41Z"), false, false},
		}},
		{"lmstudio.json", "LM Studio", 1, 0, []want{
			{"Borrow checker", "Be kind.",
				"user: Explain the borrow checker\n" +
					" assistant: First try. [qwen3-4b]\n" +
					" assistant: It checks borrows. [They want a picture of ownership.] [qwen3-8b]\n" +
					"  user: Thanks ←\n",
				at("2024-03-18T12:00:00.5Z"), at("2024-03-18T12:03:25Z"), true, false},
		}},
		{"sharegpt.jsonl", "ShareGPT", 0, 0, []want{
			{"2 + 2?", "Be exact.", "user: 2 + 2?\n assistant: 4 ←\n", time.Time{}, time.Time{}, false, false},
			{"Second", "", "user: 3 + 3?\n assistant: 6 ←\n", time.Time{}, time.Time{}, false, false},
		}},
	} {
		t.Run(c.file, func(t *testing.T) {
			a, _ := start(t, t.TempDir())
			var done int64
			got, err := a.Chats.Import(t.Context(), filepath.Join("testdata", "import", c.file), func(n, total int64) {
				if done = n; n > total {
					t.Errorf("%d of %d bytes", n, total)
				}
			})
			must(t, err)
			if !slices.Equal(got.From, []string{c.from}) || got.Left != c.left || got.Empty != c.empty || len(got.Chats) != len(c.chats) || done == 0 {
				t.Fatalf("Import = %+v", got)
			}
			for i, w := range c.chats {
				chat, err := a.Chats.Chat(got.Chats[i])
				must(t, err)
				system := ""
				if chat.Options.System != nil {
					system = *chat.Options.System
				}
				if chat.Title != w.title || system != w.system || chat.Pinned != w.pinned || chat.Archived != w.archived {
					t.Errorf("chat %d is %+v, system %q; want %+v", i, chat, system, w)
				}
				if !w.created.IsZero() && (!chat.Created.Equal(w.created) || !chat.Updated.Equal(w.updated)) {
					t.Errorf("chat %d: created %v, updated %v; want %v and %v", i, chat.Created.UTC(), chat.Updated.UTC(), w.created, w.updated)
				}
				if got := tree(t, a, chat.ID); got != w.tree {
					t.Errorf("chat %d:\n%s\nwant:\n%s", i, got, w.tree)
				}
			}
			if c.file == "chatgpt.json" {
				m := messages(t, a, got.Chats[0])
				if len(m) != 4 || !m[0].Created.Equal(at("2024-03-18T12:00:01.125Z")) || m[1].Siblings != 2 {
					t.Errorf("messages %+v", m)
				}
			}
			if c.file == "openwebui.json" {
				if m := messages(t, a, got.Chats[0]); m[1].Thought != 7*time.Second {
					t.Errorf("thought for %v", m[1].Thought)
				}
			}
			if hits, err := a.Chats.Search("zzz", 1); err != nil || hits != nil {
				t.Errorf("Search = %v, %v", hits, err)
			}
			// Undone, all of it is gone.
			must(t, a.Chats.DeleteAll(got.Chats))
			if list, err := a.Chats.List(); err != nil || len(list) != 0 {
				t.Errorf("List = %+v, %v", list, err)
			}
		})
	}
}

// TestImportFolder imports LM Studio's folder of conversations, with what lies beside them, and a folder of any files.
func TestImportFolder(t *testing.T) {
	dir := t.TempDir()
	a, _ := start(t, filepath.Join(dir, "app"))
	root := filepath.Join(dir, "conversations")
	must(t, os.MkdirAll(filepath.Join(root, "Work"), 0o700))
	data, err := os.ReadFile("testdata/import/lmstudio.json")
	must(t, err)
	for _, name := range []string{"1.conversation.json", "Work/2.conversation.json", "Work/3.conversation.json"} {
		must(t, os.WriteFile(filepath.Join(root, name), data, 0o600))
	}
	must(t, os.WriteFile(filepath.Join(root, "settings.json"), []byte(`{"hello": 1}`), 0o600))
	got, err := a.Chats.Import(t.Context(), root, nil)
	must(t, err)
	if len(got.Chats) != 3 || len(got.Folders) != 1 {
		t.Fatalf("Import = %+v", got)
	}
	list, err := a.Chats.List()
	must(t, err)
	inFolder := 0
	for _, c := range list {
		if c.Folder == got.Folders[0] {
			inFolder++
		}
	}
	if inFolder != 2 {
		t.Errorf("%d chats are in the folder: %+v", inFolder, list)
	}
	// One that is broken keeps all of them out, and is named.
	must(t, os.WriteFile(filepath.Join(root, "Work", "4.conversation.json"), data[:len(data)/2], 0o600))
	if _, err := a.Chats.Import(t.Context(), root, nil); err == nil || !strings.Contains(err.Error(), "4.conversation.json") {
		t.Errorf("a broken one: %v", err)
	}
	if after, err := a.Chats.List(); err != nil || len(after) != 3 {
		t.Errorf("%d chats, %v", len(after), err)
	}
	if got, err := a.Chats.Import(t.Context(), filepath.Join("testdata", "import"), nil); err != nil || len(got.From) != 4 || len(got.Chats) != 7 {
		t.Errorf("all forms: %+v, %v", got, err)
	}
	if _, err := a.Chats.Import(t.Context(), t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "no chats") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := a.Chats.Import(t.Context(), os.DevNull, nil); err == nil {
		t.Error("a device was imported")
	}
}

// BenchmarkImport imports a thousand chats of 20 messages from Burble's own JSON.
func BenchmarkImport(b *testing.B) {
	dir := b.TempDir()
	path := filepath.Join(dir, "many.json")
	f, err := os.Create(path)
	must(b, err)
	w := bufio.NewWriter(f)
	fmt.Fprint(w, `{"burble_chats": 1, "chats": [`)
	for c := range 1000 {
		if c > 0 {
			w.WriteString(",")
		}
		fmt.Fprintf(w, `{"title": "Chat %d", "messages": [`, c)
		for m := range 20 {
			if m > 0 {
				w.WriteString(",")
			}
			fmt.Fprintf(w, `{"id": %d, "parent": %d, "role": "user", "content": "%s %d"}`, m+1, m, strings.Repeat("some words of a message ", 15), c)
		}
		w.WriteString("]}")
	}
	w.WriteString("]}")
	must(b, w.Flush())
	must(b, f.Close())
	a, _ := start(b, dir)
	for b.Loop() {
		if got, err := a.Chats.Import(b.Context(), path, nil); err != nil || got.Messages != 20_000 {
			b.Fatal(got.Messages, err)
		}
	}
}

// TestImportZip wants ChatGPT's archive to be as good as the file in it.
func TestImportZip(t *testing.T) {
	dir := t.TempDir()
	data, err := os.ReadFile("testdata/import/chatgpt.json")
	must(t, err)
	write := func(name, inside string) string {
		path := filepath.Join(dir, name)
		f, err := os.Create(path)
		must(t, err)
		z := zip.NewWriter(f)
		for file, content := range map[string]string{"chat.html": "<html>", inside: string(data), "user.json": "{}"} {
			w, err := z.Create(file)
			must(t, err)
			_, err = w.Write([]byte(content))
			must(t, err)
		}
		must(t, z.Close())
		must(t, f.Close())
		return path
	}
	a, _ := start(t, dir)
	for _, inside := range []string{"conversations.json", "export/conversations-000.json"} {
		got, err := a.Chats.Import(t.Context(), write("a.zip", inside), nil)
		must(t, err)
		if len(got.Chats) != 2 || got.Messages != 6 {
			t.Errorf("Import = %+v", got)
		}
	}
	if _, err := a.Chats.Import(t.Context(), write("b.zip", "other.json"), nil); err == nil || !strings.Contains(err.Error(), "conversations.json") {
		t.Errorf("an archive without conversations: %v", err)
	}
	whole, err := os.ReadFile(write("c.zip", "conversations.json"))
	must(t, err)
	for _, n := range []int{5, 100, len(whole) - 30} {
		must(t, os.WriteFile(filepath.Join(dir, "cut.zip"), whole[:n], 0o600))
		if _, err := a.Chats.Import(t.Context(), filepath.Join(dir, "cut.zip"), nil); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("an archive of %d bytes: %v", n, err)
		}
	}
}

// furnish makes chats with all there is to be kept: branches, folders, options, figures, reasoning, failures.
func furnish(t testing.TB, a *App, f *fakeEngine) {
	t.Helper()
	c := newChat(t, a)
	system, thinking := "Be brief & <exact>.", true
	must(t, a.Chats.SetOptions(c.ID, ChatOptions{System: &system, Thinking: &thinking, Sampling: &sample.Params{Temperature: 0.3, TopK: 7}}))
	must(t, a.Chats.Send(c.ID, "What is “quoted”?\n\n```go\nx := 1\n```\n😀 \u202eطيور"))
	id, _ := f.asked(t, 1)
	f.answer(id, "First <b>answer</b>\x07")
	m := settled(t, a, c.ID)
	must(t, a.Chats.Regenerate(c.ID))
	id, _ = f.asked(t, 2)
	f.answer(id, "Second answer")
	settled(t, a, c.ID)
	must(t, a.Chats.Send(c.ID, "Go on"))
	id, _ = f.asked(t, 3)
	f.answer(id, "On it goes")
	settled(t, a, c.ID)
	must(t, a.Chats.Edit(m[0].ID, "Edited question"))
	id, _ = f.asked(t, 4)
	f.answer(id, "Another branch")
	settled(t, a, c.ID)
	must(t, a.Chats.Show(m[1].ID)) // not the newest branch
	_, err := a.store.db.Exec("UPDATE messages SET reasoning = 'Hm.', thought = 1234, warning = 'Left out.' WHERE content = 'On it goes'")
	must(t, err)
	_, err = a.store.db.Exec("UPDATE messages SET status = 'failed', error = 'No memory', content = '' WHERE content = 'Another branch'")
	must(t, err)
	must(t, a.Chats.SetDraft(c.ID, "half a thought"))
	must(t, a.Chats.Pin(c.ID, true))
	work, err := a.Chats.NewFolder("Work")
	must(t, err)
	must(t, a.Chats.CollapseFolder(work.ID, true))
	must(t, a.Chats.Move(c.ID, work.ID))

	d := newChat(t, a)
	must(t, a.Chats.Send(d.ID, "Put away"))
	id, _ = f.asked(t, 5)
	f.answer(id, "Done")
	settled(t, a, d.ID)
	must(t, a.Chats.Archive(d.ID, true))
	e := newChat(t, a)
	must(t, a.Chats.Send(e.ID, "Gone"))
	id, _ = f.asked(t, 6)
	f.answer(id, "Gone")
	settled(t, a, e.ID)
	must(t, a.Chats.Delete(e.ID))
}

var exportedAt = regexp.MustCompile(`"exported": "[^"]*"`)

// exported writes all chats as JSON, without the moment it was written.
func exported(t testing.TB, a *App, path string) string {
	t.Helper()
	_, err := a.Chats.ExportFile(t.Context(), path, ExportJSON, Selection{})
	must(t, err)
	data, err := os.ReadFile(path)
	must(t, err)
	return exportedAt.ReplaceAllString(string(data), "")
}

// TestRoundTrip exports chats, imports them elsewhere, and wants them to be the same there, to the last byte of an export.
func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	a, f := start(t, filepath.Join(dir, "a"))
	furnish(t, a, f)
	// A column that a later version might have travels as well.
	for _, app := range []*App{a} {
		_, err := app.store.db.Exec("ALTER TABLE messages ADD COLUMN colour TEXT NOT NULL DEFAULT 'plain'")
		must(t, err)
	}
	_, err := a.store.db.Exec("UPDATE messages SET colour = 'red' WHERE content = 'Second answer'")
	must(t, err)
	file := filepath.Join(dir, "a.json")
	first := exported(t, a, file)
	if !strings.Contains(first, `"colour":"red"`) || strings.Contains(first, "Gone") || !strings.Contains(first, "Put away") {
		t.Errorf("exported:\n%s", first)
	}
	b, _ := start(t, filepath.Join(dir, "b"))
	_, err = b.store.db.Exec("ALTER TABLE messages ADD COLUMN colour TEXT NOT NULL DEFAULT 'plain'")
	must(t, err)
	got, err := b.Chats.Import(t.Context(), file, nil)
	must(t, err)
	if len(got.Chats) != 2 || len(got.Folders) != 1 || !slices.Equal(got.From, []string{"Burble"}) {
		t.Errorf("Import = %+v", got)
	}
	if second := exported(t, b, filepath.Join(dir, "b.json")); second != first {
		t.Errorf("exported at first:\n%s\nafter the import:\n%s", first, second)
	}
	// Once more: the folder is there already.
	if got, err = b.Chats.Import(t.Context(), file, nil); err != nil || len(got.Folders) != 0 || len(got.Chats) != 2 {
		t.Errorf("Import = %+v, %v", got, err)
	}
	c, _ := start(t, filepath.Join(dir, "c")) // a database without the column
	if _, err := c.Chats.Import(t.Context(), file, nil); err != nil {
		t.Error(err)
	}
	// Keys in another order, as jq -S writes them.
	var all map[string]json.RawMessage
	data, err := os.ReadFile(file)
	must(t, err)
	must(t, json.Unmarshal(data, &all))
	all["about"] = json.RawMessage(`[1, {}]`)
	data, err = json.Marshal(all)
	must(t, err)
	must(t, os.WriteFile(file, data, 0o600))
	if got, err := c.Chats.Import(t.Context(), file, nil); err != nil || len(got.Chats) != 2 {
		t.Errorf("with keys in another order: %+v, %v", got, err)
	}
}

// TestHostileImports has files that are broken or made to do harm. Each gives an error that says what is wrong, and leaves
// nothing behind.
func TestHostileImports(t *testing.T) {
	dir := t.TempDir()
	a, _ := start(t, dir)
	valid, err := os.ReadFile("testdata/import/chatgpt.json")
	must(t, err)
	node := func(id, parent, children string) string {
		return fmt.Sprintf(`%q: {"parent": %q, "children": [%s], "message": {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["x"]}}}`, id, parent, children)
	}
	good := `{"title": "good", "mapping": {` + node("a", "", "") + `}}`
	own := func(messages string) string {
		return `{"burble_chats": 1, "folders": [], "chats": [{"title": "good", "messages": [{"id": 1, "role": "user", "content": "x"}]}, {"title": "bad", "messages": [` + messages + `]}]}`
	}
	for name, c := range map[string]struct{ data, says string }{
		"empty":             {"", "empty"},
		"blank":             {" \n ", "empty"},
		"text":              {"Dear diary", "no JSON"},
		"binary":            {"\x00\x01\x02", "no JSON"},
		"another form":      {`{"hello": "world"}`, "no known form"},
		"a number":          {`[1, 2]`, "chat 1"},
		"no chats":          {`[]`, "no chats"},
		"no messages":       {`[{"title": "x", "mapping": {}}]`, "no messages"},
		"cut":               {string(valid[:len(valid)/2]), "ends in the middle"},
		"cut at the end":    {"[" + good + ",", "ends in the middle"},
		"cut list":          {"[" + good, "ends in the middle"},
		"cut own":           {own("")[:60], "ends in the middle"},
		"deep":              {"[" + good + "," + strings.Repeat("[", 1_000_000), "depth"},
		"deep inside":       {"[" + good + `,{"mapping": {"a": ` + strings.Repeat(`{"a":`, 200_000), "depth"},
		"title a number":    {"[" + good + `, {"title": 7, "mapping": {}}]`, `chat 2: "title" is a number`},
		"mapping a list":    {"[" + good + `, {"title": "bad", "mapping": [1]}]`, "“bad”"},
		"parts a text":      {"[" + good + `, {"title": "bad", "mapping": {"a": {"message": {"content": {"parts": "x"}}}}}]`, "list should"},
		"time a text":       {"[" + good + `, {"title": "bad", "create_time": "now", "mapping": {}}]`, `"create_time" is a string`},
		"circle":            {"[" + good + `, {"title": "bad", "mapping": {` + node("a", "b", `"b"`) + "," + node("b", "a", `"a"`) + `}}]`, "circle"},
		"its own parent":    {"[" + good + `, {"title": "bad", "mapping": {` + node("a", "a", `"a"`) + `}}]`, "circle"},
		"missing parent":    {"[" + good + `, {"title": "bad", "mapping": {` + node("a", "z", "") + `}}]`, "missing"},
		"web circle":        {`[{"title": "bad", "chat": {"history": {"messages": {"a": {"parentId": "b", "role": "user", "content": "x"}, "b": {"parentId": "a", "role": "user", "content": "x"}}}}}]`, "circle"},
		"web types":         {`[{"title": "bad", "chat": {"history": {"messages": {"a": {"role": "user", "content": 7}}}}}]`, "“bad”"},
		"studio selection":  {`{"name": "bad", "messages": [{"versions": [{"role": "user", "content": [{"text": "x"}]}], "currentlySelected": 9}]}`, "number 9"},
		"share from nobody": {`{"conversations": [{"from": "ghost", "value": "boo"}]}`, "ghost"},
		"own circle":        {own(`{"id": 1, "parent": 2, "role": "user"}, {"id": 2, "parent": 1, "role": "user"}`), "circle"},
		"own missing":       {own(`{"id": 1, "parent": 5, "role": "user"}`), "missing"},
		"own twice":         {own(`{"id": 1, "role": "user"}, {"id": 1, "role": "user"}`), "two messages"},
		"own number":        {own(`{"id": 0, "role": "user"}`), "no number"},
		"own role":          {own(`{"id": 1, "role": "pirate"}`), "pirate"},
		"own status":        {own(`{"id": 1, "role": "user", "status": "floating"}`), "floating"},
		"own figures":       {own(`{"id": 1, "role": "user", "stats": "many"}`), "figures"},
		"own leaf":          {strings.Replace(own(`{"id": 1, "role": "user"}`), `"bad",`, `"bad", "leaf": 9,`, 1), "message 9"},
		"own types":         {own(`{"id": "one", "role": "user"}`), `.id" is a string`},
		"own columns":       {own(`{"id": 1, "role": "user", "more": {"colour": 7}}`), "wrong type"},
		"own chats":         {`{"burble_chats": 1, "chats": {}}`, "no list"},
		"newer":             {`{"burble_chats": 99, "chats": []}`, "newer Burble"},
		"many messages":     {own(strings.Repeat("{},", maxImportMessages) + "{}"), "more than 100000"},
		"many nodes":        {`[{"mapping": {` + manyKeys(maxImportMessages+1) + `}}]`, "more than 100000"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "own columns" {
				_, err := a.store.db.Exec("ALTER TABLE messages ADD COLUMN colour TEXT NOT NULL DEFAULT ''")
				must(t, err)
			}
			path := filepath.Join(dir, "hostile.json")
			must(t, os.WriteFile(path, []byte(c.data), 0o600))
			got, err := a.Chats.Import(t.Context(), path, nil)
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "hostile.json") {
				t.Errorf("Import = %+v, %.300v; want an error with %q", got, err, c.says)
			}
			if err != nil && len(err.Error()) > 500 {
				t.Errorf("the error has %d characters", len(err.Error()))
			}
			var n int
			must(t, a.store.db.QueryRow("SELECT (SELECT count(*) FROM chats) + (SELECT count(*) FROM messages) + (SELECT count(*) FROM messages_text)").Scan(&n))
			if n != 0 {
				t.Fatalf("%d rows were left behind", n)
			}
		})
	}
	if _, err := a.Chats.Import(t.Context(), filepath.Join(dir, "none.json"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Chats.Import(cancelled, "testdata/import/chatgpt.json", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"%d":{}`, i)
	}
	return b.String()
}

// endless is JSON that never ends, in a pipe that is no longer than it has to be.
func TestEndlessImport(t *testing.T) {
	dir := t.TempDir()
	a, _ := start(t, dir)
	path := filepath.Join(dir, "endless.json")
	f, err := os.Create(path)
	must(t, err)
	_, err = f.WriteString(`[{"title": "`)
	must(t, err)
	must(t, f.Truncate(3*maxImportChat)) // zeros, which take no room on the disk
	must(t, f.Close())
	// Control characters are no part of a JSON text, so the error comes at once; with blanks it comes with the limit.
	if _, err := a.Chats.Import(t.Context(), path, nil); err == nil {
		t.Error("no error")
	}
	block := []byte(strings.Repeat(" ", 1<<20))
	f, err = os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	must(t, err)
	_, err = f.WriteString(`[{"title":`)
	must(t, err)
	for range maxImportChat>>20 + 1 {
		_, err = f.Write(block)
		must(t, err)
	}
	must(t, f.Close())
	if _, err := a.Chats.Import(t.Context(), path, nil); !errors.Is(err, errLarge) {
		t.Errorf("beyond the limit: %v", err)
	}
}
