package ui

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/test"

	"burble/app"
)

// shelved returns a fake with folders, a pinned and an archived chat.
func shelved() *fake {
	f := furnished()
	f.load()
	f.folders = []app.Folder{{ID: 901, Name: "Work"}, {ID: 902, Name: "Home", Collapsed: true}}
	f.chats[1].Folder = 902
	f.chats[2].Folder = 901
	f.chats[3].Pinned = true
	f.chatWith("Old plans", noon.Add(-90*24*time.Hour), "Plans?", "Old ones.")
	f.chats[4].Archived = true
	return f
}

// listed writes what the sidebar lists, a row a line.
func listed(w *window) string {
	var b strings.Builder
	for _, r := range w.sidebar.rows {
		switch r.kind {
		case sideLabel:
			fmt.Fprintf(&b, "%s:\n", r.text)
		case sideFolder:
			fmt.Fprintf(&b, "[%s] %d\n", r.folder.Name, r.count)
		case sideBack:
			fmt.Fprintf(&b, "← %s\n", r.text)
		default:
			if r.inside {
				b.WriteString("  ")
			}
			fmt.Fprintf(&b, "%.12s\n", titleOf(r.chat))
		}
	}
	return b.String()
}

func expect(t *testing.T, w *window, what, want string) {
	t.Helper()
	if got := listed(w); got != want {
		t.Errorf("%s: the sidebar lists\n%s\nwant\n%s", what, got, want)
	}
}

const shelvedRows = "Pinned:\nHaiku about \nFolders:\n[Home] 1\n[Work] 1\n  Explain the \nChats:\nWhat does st\n"

// keysOn types keys where the keyboard is.
func keysOn(w *window, names ...fyne.KeyName) {
	for _, n := range names {
		w.win.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: n})
	}
}

func TestSidebarFolders(t *testing.T) {
	f := shelved()
	w := open(t, f, 1000, 700)
	expect(t, w, "at first", shelvedRows)

	// All by the keyboard: into the list, down to the folder, open it, down to its chat and open that.
	w.focusChats()
	if w.win.Canvas().Focused() != w.sidebar.list || w.sidebar.cursor != 1 {
		t.Fatalf("focus at %T, row %d", w.win.Canvas().Focused(), w.sidebar.cursor)
	}
	keysOn(w, fyne.KeyDown, fyne.KeyRight) // over the heading
	expect(t, w, "opened", "Pinned:\nHaiku about \nFolders:\n[Home] 1\n  Plan a week \n[Work] 1\n  Explain the \nChats:\nWhat does st\n")
	keysOn(w, fyne.KeyDown, fyne.KeyReturn)
	if w.chat != f.chats[1].ID {
		t.Errorf("chat %d is open", w.chat)
	}
	w.focusChats()
	keysOn(w, fyne.KeyLeft, fyne.KeyLeft) // to the folder, and close it
	expect(t, w, "closed", shelvedRows)
	keysOn(w, fyne.KeyEnd)
	if w.sidebar.cursor != len(w.sidebar.rows)-1 {
		t.Errorf("End goes to row %d", w.sidebar.cursor)
	}
	keysOn(w, fyne.KeyHome, fyne.KeyUp)
	if w.win.Canvas().Focused() != w.sidebar.search {
		t.Error("Up from the first row does not go to the search")
	}
	keysOn(w, fyne.KeyDown)
	if w.win.Canvas().Focused() != w.sidebar.list {
		t.Error("Down from the search does not go to the list")
	}

	// Moving, by the menu and by dragging, and back.
	w.moveChat(f.chats[0], 901, "Work")
	expect(t, w, "moved", "Pinned:\nHaiku about \nFolders:\n[Home] 1\n[Work] 2\n  What does st\n  Explain the \n")
	w.undo()
	expect(t, w, "moved back", shelvedRows)
	row := rowOf(t, w, "What does")
	list := fyne.CurrentApp().Driver().AbsolutePositionForObject(w.sidebar.list)
	to := list.AddXY(60, 3*sidePitch+10)
	row.Dragged(&fyne.DragEvent{PointEvent: fyne.PointEvent{AbsolutePosition: to}})
	if w.sidebar.drop != 3 || !w.sidebar.ghost.box.Visible() {
		t.Errorf("dragged over row %d", w.sidebar.drop)
	}
	keep(t, w, "dragged")
	row.DragEnd()
	expect(t, w, "dropped", "Pinned:\nHaiku about \nFolders:\n[Home] 2\n[Work] 1\n  Explain the \n")
	if w.sidebar.ghost.box.Visible() || !strings.Contains(w.toast.text.Text, "was moved to “Home”") {
		t.Errorf("after the drop: %q", w.toast.text.Text)
	}
	test.Tap(w.toast.action)
	expect(t, w, "undone", shelvedRows)
	w.undo() // that step has been taken back already
	expect(t, w, "undone twice", shelvedRows)

	// A folder goes without its chats, and comes back with them.
	w.focusChats()
	w.sidebar.moveCursor(4, 1)
	keysOn(w, fyne.KeyDelete)
	expect(t, w, "without Work", "Pinned:\nHaiku about \nFolders:\n[Home] 1\nChats:\nWhat does st\nExplain the \n")
	w.win.Canvas().Focused().(fyne.Shortcutable).TypedShortcut(&fyne.ShortcutUndo{})
	expect(t, w, "Work is back", shelvedRows)

	// A new one.
	w.newFolder()
	test.Type(w.win.Canvas().Focused(), "Zebras")
	keysOn(w, fyne.KeyReturn)
	if !strings.Contains(listed(w), "[Zebras] 0\n") {
		t.Errorf("no new folder:\n%s", listed(w))
	}
}

// rowOf returns the row on the screen whose title begins so.
func rowOf(t *testing.T, w *window, title string) *sideRow {
	t.Helper()
	var found *sideRow
	for _, o := range test.LaidOutObjects(w.sidebar.list) {
		if r, ok := o.(*sideRow); ok && strings.HasPrefix(r.title.Text, title) {
			found = r
		}
	}
	if found == nil {
		t.Fatalf("no row %q", title)
	}
	return found
}

func TestSidebarRename(t *testing.T) {
	f := shelved()
	w := open(t, f, 1000, 700)
	w.openChat(1)
	w.focusChats()
	keysOn(w, fyne.KeyF2)
	e, ok := w.win.Canvas().Focused().(*entry)
	if !ok || e.Text != "What does strings.Cut do?" || e.SelectedText() != e.Text {
		t.Fatalf("F2 focuses %T", w.win.Canvas().Focused())
	}
	keep(t, w, "rename")
	e.SetText("Cutting")
	keysOn(w, fyne.KeyReturn)
	if f.chats[0].Title != "Cutting" || w.win.Canvas().Focused() != w.sidebar.list {
		t.Errorf("renamed to %q; focus at %T", f.chats[0].Title, w.win.Canvas().Focused())
	}
	w.undo()
	if f.chats[0].Title != "What does strings.Cut do?" {
		t.Errorf("after Undo: %q", f.chats[0].Title)
	}
	// Escape leaves the name; going elsewhere takes it.
	keysOn(w, fyne.KeyF2)
	w.win.Canvas().Focused().(*entry).SetText("Nonsense")
	keysOn(w, fyne.KeyEscape)
	if f.chats[0].Title != "What does strings.Cut do?" {
		t.Errorf("after Escape: %q", f.chats[0].Title)
	}
	w.sidebar.moveCursor(4, 1)
	keysOn(w, fyne.KeyF2)
	w.win.Canvas().Focused().(*entry).SetText("Job")
	w.focusComposer()
	if f.folders[0].Name != "Job" {
		t.Errorf("the folder's name is %q", f.folders[0].Name)
	}
}

func TestSidebarPinArchiveDelete(t *testing.T) {
	f := shelved()
	w := open(t, f, 1000, 700)
	w.openChat(1)
	w.withChat(func(c app.Chat) { w.pin(c, true) })
	if !strings.HasPrefix(listed(w), "Pinned:\nWhat does st\nHaiku about \n") {
		t.Errorf("pinned:\n%s", listed(w))
	}
	w.undo()
	expect(t, w, "unpinned", shelvedRows)
	// An archived chat stays open, and is found in the archive.
	w.withChat(func(c app.Chat) { w.archive(c, true) })
	if w.chat != 1 || strings.Contains(listed(w), "What does") {
		t.Errorf("archived: chat %d is open\n%s", w.chat, listed(w))
	}
	w.showAway(viewArchived)
	expect(t, w, "the archive", "← Archived\nWhat does st\nOld plans\n")
	keep(t, w, "archive")
	keysOn(w, fyne.KeyDown, fyne.KeyDown, fyne.KeyReturn)
	if w.chat != f.chats[4].ID {
		t.Errorf("chat %d is open", w.chat)
	}
	w.sidebar.focusList()
	keysOn(w, fyne.KeyEscape)
	w.undo()
	expect(t, w, "back from the archive", shelvedRows)
	// Deleting with the keyboard leaves it in the list.
	w.openChat(1)
	w.focusChats()
	keysOn(w, fyne.KeyDelete)
	if !called(f, "delete 1") || w.chat != 0 || w.win.Canvas().Focused() != w.sidebar.list {
		t.Errorf("after Delete: chat %d, focus at %T, calls %v", w.chat, w.win.Canvas().Focused(), f.calls)
	}
	w.showAway(viewDeleted)
	expect(t, w, "the deleted", "← Recently deleted\nWhat does st\n")
	keysOn(w, fyne.KeyDown, fyne.KeyReturn)
	if !called(f, "restore 1") || w.chat != 1 {
		t.Errorf("opening a deleted chat: chat %d, calls %v", w.chat, f.calls)
	}
	w.showChats()
	expect(t, w, "at the end", shelvedRows)
}

func TestSidebarMenus(t *testing.T) {
	f := shelved()
	w := open(t, f, 1000, 700)
	w.focusChats()
	keysOn(w, keyMenu)
	if w.win.Canvas().Overlays().Top() == nil {
		t.Fatal("the context-menu key shows no menu")
	}
	keysOn(w, fyne.KeyDown, fyne.KeyReturn) // the second one
	if f.chats[3].Pinned {
		t.Error("Unpin did nothing")
	}
	for _, item := range []sideItem{
		{kind: sideChat, chat: f.chats[0]}, {kind: sideFolder, folder: f.folders[0]}, {kind: sideTemporary, chat: app.Chat{ID: aTemporary}},
		{kind: sideChat, chat: f.chats[0], away: viewDeleted},
	} {
		w.itemMenu(item, fyne.NewPos(20, 100))
		if w.win.Canvas().Overlays().Top() == nil {
			t.Errorf("no menu for %+v", item)
		}
		keysOn(w, fyne.KeyEscape)
	}
	test.Tap(w.sidebar.more)
	keep(t, w, "more-menu")
	if w.win.Canvas().Overlays().Top() == nil {
		t.Error("no menu of all chats")
	}
}

func TestSearchOpensAtTheMessage(t *testing.T) {
	f := shelved()
	var texts []string
	for i := range 40 {
		texts = append(texts, fmt.Sprintf("Question %d", i), strings.Repeat("filler ", 60)+fmt.Sprintf("answer %d", i))
	}
	texts[21] = strings.Repeat("Some words before it.\n\n", 60) + "Here is the needle.\n\n" + strings.Repeat("And after.\n\n", 60)
	long := f.chatWith("A long chat", noon, texts...)
	w := open(t, f, 1000, 700)
	w.focusSearch()
	test.Type(w.sidebar.search, "needle")
	if len(w.sidebar.hits) != 1 || !w.sidebar.found.Visible() || w.sidebar.list.Visible() {
		t.Fatalf("found %+v", w.sidebar.hits)
	}
	keep(t, w, "search")
	keysOn(w, fyne.KeyDown, fyne.KeyReturn)
	if w.chat != long {
		t.Fatalf("chat %d is open", w.chat)
	}
	if at, ok := w.view.Marked(); !ok || at != f.messages[long][21].ID {
		t.Errorf("message %d is marked", at)
	}
	if w.view.Following() {
		t.Error("the end is in view instead of the message")
	}
	keep(t, w, "search-opened")
	// In a version that is not shown, it is brought up first.
	f.messages[1] = f.messages[1][:1]
	w.openHit(app.Hit{ChatID: 1, MessageID: 777, Snippet: "x", Matches: [][2]int{{0, 1}}})
	if !called(f, "show 777") {
		t.Errorf("calls %v", f.calls)
	}
	// The search is left by Escape, from its list too.
	w.focusSearch()
	keysOn(w, fyne.KeyDown, fyne.KeyEscape)
	if w.sidebar.searching() || !w.sidebar.list.Visible() {
		t.Error("Escape does not end the search")
	}
	// Letters typed in the list are searched for.
	w.focusChats()
	w.win.Canvas().Focused().TypedRune('z')
	if w.sidebar.search.Text != "z" {
		t.Errorf("search %q", w.sidebar.search.Text)
	}
}

func TestTemporary(t *testing.T) {
	f := shelved()
	w := open(t, f, 1000, 700)
	w.newTemporary()
	if !app.Temporary(w.chat) || !strings.HasPrefix(listed(w), "Temporary ch\n") || !strings.Contains(w.composer.entry.PlaceHolder, "nothing is kept") {
		t.Fatalf("chat %d, placeholder %q\n%s", w.chat, w.composer.entry.PlaceHolder, listed(w))
	}
	keep(t, w, "temporary")
	test.Type(w.composer.entry, "psst")
	press(w.composer.entry, fyne.KeyReturn)
	drain(w, f)
	f.grow(aTemporary, "hm", "")
	f.end(aTemporary, app.StatusComplete, "")
	drain(w, f)
	if last(w).Content != "hm" {
		t.Errorf("messages %+v", w.messages)
	}
	w.openChat(1)
	if strings.Contains(listed(w), "Temporary") || !called(f, fmt.Sprintf("delete %d", aTemporary)) {
		t.Errorf("left: %v\n%s", f.calls, listed(w))
	}
	test.Tap(w.toast.action)
	if w.chat != aTemporary || len(w.messages) != 2 {
		t.Errorf("after Undo: chat %d with %d messages", w.chat, len(w.messages))
	}
	w.keepTemporary()
	if app.Temporary(w.chat) || len(w.messages) != 2 || strings.Contains(listed(w), "Temporary") || !strings.Contains(listed(w), "Kept") {
		t.Errorf("kept: chat %d with %d messages\n%s", w.chat, len(w.messages), listed(w))
	}
	w.undo()
	if w.chat != aTemporary || strings.Contains(listed(w), "Kept") {
		t.Errorf("after Undo: chat %d\n%s", w.chat, listed(w))
	}
	// One that was not used goes without a word.
	w.newTemporary()
	w.toast.hide()
	w.newChat()
	if w.toast.box.Visible() {
		t.Errorf("toast %q", w.toast.text.Text)
	}
}

func TestImportAndExport(t *testing.T) {
	f := shelved()
	w := open(t, f, 1000, 700)
	f.imported = app.Imported{Chats: []int64{5001, 5002}, Folders: []int64{901}, From: []string{"ChatGPT"}, Left: 3}
	w.dropped(fyne.NewPos(50, 300), []fyne.URI{storage.NewFileURI("/tmp/conversations.ZIP")})
	if !called(f, "import /tmp/conversations.ZIP") || strings.Count(listed(w), "Imported") != 2 {
		t.Fatalf("calls %v\n%s", f.calls, listed(w))
	}
	if text := w.toast.text.Text; !strings.Contains(text, "2 chats were imported from ChatGPT. 3 pictures") {
		t.Errorf("toast %q", text)
	}
	test.Tap(w.toast.action)
	if strings.Contains(listed(w), "Imported") || strings.Contains(listed(w), "Work") {
		t.Errorf("after Undo:\n%s", listed(w))
	}
	f.importErr = errors.New("the file ends in the middle")
	w.importFile("/tmp/broken.json")
	if w.win.Canvas().Overlays().Top() == nil {
		t.Error("the failure is not shown")
	}
	// Beside the sidebar, a file is for others.
	w.dropped(fyne.NewPos(600, 300), []fyne.URI{storage.NewFileURI("/tmp/other.json")})
	if called(f, "import /tmp/other.json") {
		t.Error("a file dropped elsewhere was imported")
	}
	for _, ask := range []func(){w.askImport, func() { w.askExport(app.Selection{}, "All", app.ExportJSON) }} {
		before := w.win.Canvas().Overlays().Top()
		ask()
		if w.win.Canvas().Overlays().Top() == before {
			t.Error("no file is asked for")
		}
	}
	w.openPicker()
	before := w.win.Canvas().Overlays().Top()
	w.picker.chooseFile()
	if w.win.Canvas().Overlays().Top() == before {
		t.Error("no model's file is asked for")
	}
	for title, want := range map[string]string{"A/B: \"C\"?": "A-B- -C", "..": "chat", "東京": "東京", strings.Repeat("x", 90): strings.Repeat("x", 60)} {
		if got := fileName(title); got != want {
			t.Errorf("fileName(%q) = %q, want %q", title, got, want)
		}
	}
}

func TestSnippet(t *testing.T) {
	for _, c := range []struct {
		who, text string
		matches   [][2]int
		want      string // words, with | between them, a blank where a line may end, and marked ones in []
	}{
		{"", "the café is here", [][2]int{{4, 9}}, " the| [café]| is| here"},
		{"You: ", "Where?", nil, "You:| Where?"},
		{"", "one two\n\nthree", [][2]int{{0, 3}, {9, 14}}, " [one]| two| [three]"},
		{"", "**bold** `x`", [][2]int{{2, 6}}, " [bold]| x"},
		{"", "recutting", [][2]int{{2, 5}}, " re|[cut]|ting"},
		{"", "東京の", [][2]int{{0, 6}}, " [東京]|の"},
		{"", strings.Repeat("long ", 10) + "needle", [][2]int{{50, 56}}, " …|long| long| long| long| [needle]"},
	} {
		var parts []string
		for _, w := range snippetWords(c.who, c.text, c.matches) {
			text := w.text
			if w.marked {
				text = "[" + text + "]"
			}
			if w.newLine {
				text = " " + text
			}
			parts = append(parts, text)
		}
		if got := strings.Join(parts, "|"); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

// crowd returns a fake with ten thousand chats, a third of them in a hundred folders.
func crowd() *fake {
	f := newFake()
	f.load()
	for i := range 100 {
		f.folders = append(f.folders, app.Folder{ID: int64(100_000 + i), Name: fmt.Sprintf("Folder %02d", i), Collapsed: i%2 == 0})
	}
	for i := range 10_000 {
		c := app.Chat{ID: int64(i + 1), Title: fmt.Sprintf("Chat %d about something", i), Updated: noon.Add(-time.Duration(i) * time.Minute)}
		switch {
		case i%3 == 0:
			c.Folder = int64(100_000 + i%100)
		case i%500 == 1:
			c.Pinned = true
		}
		f.chats = append(f.chats, c)
	}
	return f
}

// TestManyChats wants the sidebar with ten thousand chats to have no more widgets than are in view.
func TestManyChats(t *testing.T) {
	f := crowd()
	w := open(t, f, 1000, 700)
	n := 0
	for _, o := range test.LaidOutObjects(w.sidebar.list) {
		if _, ok := o.(*sideRow); ok {
			n++
		}
	}
	if n == 0 || n > 40 {
		t.Errorf("%d rows are widgets", n)
	}
	w.focusChats()
	keysOn(w, fyne.KeyEnd)
	if got := w.sidebar.rows[w.sidebar.cursor].chat.Title; got != "Chat 9998 about something" {
		t.Errorf("the last row is %q", got)
	}
}

// BenchmarkSidebar measures the sidebar with ten thousand chats: to show them anew, to scroll by a page, to move by a row.
func BenchmarkSidebar(b *testing.B) {
	f := crowd()
	w := open(b, f, 1180, 780)
	chats, err := w.b.Chats.List()
	if err != nil {
		b.Fatal(err)
	}
	folders, _ := w.b.Chats.Folders()
	b.Run("Set", func(b *testing.B) {
		for b.Loop() {
			w.sidebar.set(chats, folders)
		}
	})
	b.Run("Page", func(b *testing.B) {
		for b.Loop() {
			w.sidebar.typedKey(&fyne.KeyEvent{Name: fyne.KeyPageDown})
			if w.sidebar.cursor > 6000 {
				w.sidebar.cursor = 0
			}
		}
	})
	b.Run("Row", func(b *testing.B) {
		for b.Loop() {
			w.sidebar.typedKey(&fyne.KeyEvent{Name: fyne.KeyDown})
			if w.sidebar.cursor > 6000 {
				w.sidebar.cursor = 0
			}
		}
	})
	b.Run("Window", func(b *testing.B) {
		for b.Loop() {
			other := newWindow(fyne.CurrentApp(), f.backend())
			other.win.Close()
		}
	})
}
