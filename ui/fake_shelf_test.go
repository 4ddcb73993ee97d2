package ui

import (
	"context"
	"slices"
	"strings"
	"time"

	"burble/app"
)

// shelf is what a fake keeps of folders, archives and files.
type shelf struct {
	folders   []app.Folder
	gone      map[int64]app.Folder // deleted ones
	temporary *app.Chat
	imported  app.Imported // what the next import brings
	importErr error
}

func (f fakeChats) Chat(id int64) (app.Chat, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.at(id); c != nil {
		return *c, nil
	}
	if f.temporary != nil && f.temporary.ID == id {
		return *f.temporary, nil
	}
	return app.Chat{}, app.ErrNotFound
}

func (f fakeChats) Archived() ([]app.Chat, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.chats), func(c app.Chat) bool { return !c.Archived }), nil
}

func (f fakeChats) Deleted() ([]app.Chat, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []app.Chat
	for _, c := range f.deleted {
		list = append(list, c)
	}
	return list, nil
}

func (f fakeChats) PutAway() (archived, deleted int, err error) {
	list, err := f.Archived()
	return len(list), len(f.deleted), err
}

func (f fakeChats) change(id int64, how func(c *app.Chat)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.at(id)
	if c == nil {
		return app.ErrNotFound
	}
	how(c)
	return nil
}

func (f fakeChats) Pin(id int64, on bool) error {
	return f.change(id, func(c *app.Chat) { c.Pinned = on })
}

func (f fakeChats) Archive(id int64, on bool) error {
	return f.change(id, func(c *app.Chat) { c.Archived = on })
}

func (f fakeChats) Move(id, folder int64) error {
	return f.change(id, func(c *app.Chat) { c.Folder = folder })
}

func (f fakeChats) DeleteAll(ids []int64) error {
	for _, id := range ids {
		if err := f.Delete(id); err != nil {
			return err
		}
	}
	return nil
}

func (f fakeChats) RestoreAll(ids []int64) error {
	for _, id := range ids {
		if err := f.Restore(id); err != nil {
			return err
		}
	}
	return nil
}

func (f fakeChats) Folders() ([]app.Folder, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := slices.Clone(f.folders)
	slices.SortFunc(list, func(a, b app.Folder) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (f fakeChats) NewFolder(name string) (app.Folder, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	folder := app.Folder{ID: f.next, Name: name}
	f.folders = append(f.folders, folder)
	return folder, nil
}

func (f fakeChats) changeFolder(id int64, how func(c *app.Folder)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.folders {
		if f.folders[i].ID == id {
			how(&f.folders[i])
			return nil
		}
	}
	return app.ErrNoFolder
}

func (f fakeChats) RenameFolder(id int64, name string) error {
	return f.changeFolder(id, func(c *app.Folder) { c.Name = name })
}

func (f fakeChats) CollapseFolder(id int64, collapsed bool) error {
	return f.changeFolder(id, func(c *app.Folder) { c.Collapsed = collapsed })
}

func (f fakeChats) DeleteFolder(id int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone == nil {
		f.fake.gone = map[int64]app.Folder{}
	}
	for i, folder := range f.folders {
		if folder.ID == id {
			f.fake.gone[id] = folder
			f.fake.folders = slices.Delete(f.folders, i, i+1)
			return nil
		}
	}
	return app.ErrNoFolder
}

func (f fakeChats) RestoreFolder(id int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fake.folders = append(f.folders, f.gone[id])
	return nil
}

// aTemporary is the id of a fake's temporary chats.
const aTemporary = 1<<52 + 1

func (f fakeChats) CreateTemporary() (app.Chat, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call("temporary")
	f.fake.temporary = &app.Chat{ID: aTemporary, Created: time.Now(), Updated: time.Now()}
	f.messages[aTemporary] = nil
	return *f.temporary, nil
}

func (f fakeChats) Keep(id int64) (app.Chat, error) {
	c, err := f.Create()
	if err != nil {
		return c, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.messages[c.ID] = f.messages[id]
	f.at(c.ID).Title = "Kept"
	return *f.at(c.ID), nil
}

func (f fakeChats) ExportFile(_ context.Context, path string, format app.ExportFormat, s app.Selection) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call("export %s %s %+v", path, format, s)
	return 1, nil
}

func (f fakeChats) Import(_ context.Context, file string, progress func(done, total int64)) (app.Imported, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call("import %s", file)
	progress(1, 2)
	if f.importErr != nil {
		return app.Imported{}, f.importErr
	}
	for _, id := range f.imported.Chats {
		f.chats = append(f.chats, app.Chat{ID: id, Title: "Imported", Updated: noon})
	}
	return f.imported, nil
}
