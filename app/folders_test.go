package app

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// titles are the titles of chats, in order.
func titles(list []Chat) []string {
	var t []string
	for _, c := range list {
		t = append(t, c.Title)
	}
	return t
}

// named makes a chat with a title.
func named(t testing.TB, a *App, title string) int64 {
	t.Helper()
	c := newChat(t, a)
	must(t, a.Chats.Rename(c.ID, title))
	return c.ID
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFolders(t *testing.T) {
	dir := t.TempDir()
	a, _ := start(t, dir)
	log := record(t, a)
	one, two := named(t, a, "One"), named(t, a, "Two")
	work, err := a.Chats.NewFolder("  Work \n things ")
	must(t, err)
	home, err := a.Chats.NewFolder("home")
	must(t, err)
	find(t, log, any1[ChatsChanged])
	list, err := a.Chats.Folders()
	must(t, err)
	if !slices.Equal(list, []Folder{home, work}) || work.Name != "Work things" {
		t.Errorf("Folders = %+v", list)
	}
	folderOf := func(id int64) int64 {
		t.Helper()
		c, err := a.Chats.Chat(id)
		must(t, err)
		return c.Folder
	}
	must(t, a.Chats.Move(one, work.ID))
	must(t, a.Chats.Move(two, work.ID))
	must(t, a.Chats.RenameFolder(work.ID, "Job"))
	must(t, a.Chats.CollapseFolder(work.ID, true))
	list, err = a.Chats.Folders()
	must(t, err)
	if want := (Folder{ID: work.ID, Name: "Job", Collapsed: true}); !slices.Contains(list, want) {
		t.Errorf("Folders = %+v", list)
	}
	// A deleted folder loses no chat, and comes back with those that were in it.
	must(t, a.Chats.DeleteFolder(work.ID))
	if list, err := a.Chats.List(); err != nil || len(list) != 2 {
		t.Errorf("List = %+v, %v", list, err)
	}
	if list, err := a.Chats.Folders(); err != nil || len(list) != 1 {
		t.Errorf("Folders = %+v, %v", list, err)
	}
	must(t, a.Chats.Move(two, home.ID))
	must(t, a.Chats.RestoreFolder(work.ID))
	if folderOf(one) != work.ID || folderOf(two) != home.ID {
		t.Errorf("the chats are in folders %d and %d", folderOf(one), folderOf(two))
	}
	must(t, a.Chats.Move(two, 0))
	if folderOf(two) != 0 {
		t.Error("the chat was not taken out")
	}
	for name, err := range map[string]error{
		"no folder":      a.Chats.Move(one, 999),
		"renaming":       a.Chats.RenameFolder(999, "x"),
		"deleting twice": func() error { must(t, a.Chats.DeleteFolder(home.ID)); return a.Chats.DeleteFolder(home.ID) }(),
		"into a deleted": a.Chats.Move(one, home.ID),
	} {
		if !errors.Is(err, ErrNoFolder) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := a.Chats.Move(999, work.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("moving no chat: %v", err)
	}
	if _, err := a.Chats.NewFolder(" "); err == nil {
		t.Error("a folder without a name")
	}
	if err := a.Chats.RenameFolder(work.ID, " "); err == nil {
		t.Error("a name of blanks")
	}
	// What was deleted long ago is gone for good, and its chats stay.
	must(t, a.Chats.DeleteFolder(work.ID))
	must(t, a.store.purge(a.Chats.ctx, time.Now().Add(keepDeleted+time.Hour)))
	if err := a.Chats.RestoreFolder(work.ID); !errors.Is(err, ErrNoFolder) {
		t.Errorf("restoring what was purged: %v", err)
	}
	if folderOf(one) != 0 {
		t.Error("a chat lies in a folder that is gone")
	}
}

func TestPinAndArchive(t *testing.T) {
	dir := t.TempDir()
	a, _ := start(t, dir)
	one, two := named(t, a, "One"), named(t, a, "Two")
	must(t, a.Chats.Pin(one, true))
	must(t, a.Chats.Archive(two, true))
	list, err := a.Chats.List()
	must(t, err)
	if len(list) != 1 || list[0].ID != one || !list[0].Pinned {
		t.Errorf("List = %+v", list)
	}
	away, err := a.Chats.Archived()
	must(t, err)
	if len(away) != 1 || away[0].ID != two || !away[0].Archived {
		t.Errorf("Archived = %+v", away)
	}
	hits, err := a.Chats.Search("tw", 5)
	must(t, err)
	if len(hits) != 1 || !hits[0].Archived {
		t.Errorf("what is archived is not found: %+v", hits)
	}
	must(t, a.Chats.DeleteAll([]int64{one}))
	if archived, deleted, err := a.Chats.PutAway(); archived != 1 || deleted != 1 || err != nil {
		t.Errorf("PutAway = %d, %d, %v", archived, deleted, err)
	}
	must(t, a.Chats.RestoreAll([]int64{one}))
	must(t, a.Chats.Archive(two, false))
	must(t, a.Chats.Pin(one, false))
	list, err = a.Chats.List()
	must(t, err)
	if got := titles(list); !slices.Equal(got, []string{"Two", "One"}) || list[1].Pinned {
		t.Errorf("List = %+v", list)
	}
	for _, err := range []error{a.Chats.Pin(99, true), a.Chats.Archive(99, true)} {
		if !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
	}
}
