package app

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Folder holds chats. A chat lies in one folder or in none.
type Folder struct {
	ID        int64
	Name      string
	Collapsed bool // its chats are not listed
}

// Folders returns all folders by name.
func (c *Chats) Folders() ([]Folder, error) {
	rows, err := c.store.db.QueryContext(c.ctx, "SELECT id, name, collapsed FROM folders WHERE deleted IS NULL")
	if err != nil {
		return nil, fmt.Errorf("reading the folders: %w", err)
	}
	defer rows.Close()
	var list []Folder
	for rows.Next() {
		var f Folder
		if err := rows.Scan(&f.ID, &f.Name, &f.Collapsed); err != nil {
			return nil, fmt.Errorf("reading the folders: %w", err)
		}
		list = append(list, f)
	}
	slices.SortStableFunc(list, func(a, b Folder) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return list, rows.Err()
}

// NewFolder makes an empty folder.
func (c *Chats) NewFolder(name string) (Folder, error) {
	name = strings.Join(strings.Fields(name), " ")
	if name == "" {
		return Folder{}, errNoName
	}
	f := Folder{Name: name}
	err := c.store.transact(c.ctx, func(tx *sql.Tx) (err error) {
		f.ID, err = insertFolder(c, tx, name)
		return err
	})
	if err != nil {
		return Folder{}, fmt.Errorf("making a folder: %w", err)
	}
	c.signals.publish(ChatsChanged{})
	return f, nil
}

var errNoName = errors.New("a folder's name can't be empty")

func insertFolder(c *Chats, tx *sql.Tx, name string) (int64, error) {
	r, err := tx.ExecContext(c.ctx, "INSERT INTO folders (name, created) VALUES (?, ?)", name, time.Now().UnixMilli())
	if err != nil {
		return 0, err
	}
	return r.LastInsertId()
}

// RenameFolder gives a folder another name.
func (c *Chats) RenameFolder(id int64, name string) error {
	name = strings.Join(strings.Fields(name), " ")
	if name == "" {
		return errNoName
	}
	return c.changeFolder(id, "renaming the folder", "UPDATE folders SET name = ? WHERE id = ?", name, id)
}

// CollapseFolder hides a folder's chats in the list, or lists them again.
func (c *Chats) CollapseFolder(id int64, collapsed bool) error {
	return c.changeFolder(id, "keeping how the folder is shown", "UPDATE folders SET collapsed = ? WHERE id = ?", collapsed, id)
}

// DeleteFolder removes a folder. Its chats stay, outside of any folder. RestoreFolder undoes it, for 30 days.
func (c *Chats) DeleteFolder(id int64) error {
	return c.changeFolder(id, "deleting the folder", "UPDATE folders SET deleted = ? WHERE id = ? AND deleted IS NULL", time.Now().UnixMilli(), id)
}

// RestoreFolder brings a deleted folder back, with the chats that have not been moved elsewhere since.
func (c *Chats) RestoreFolder(id int64) error {
	return c.changeFolder(id, "restoring the folder", "UPDATE folders SET deleted = NULL WHERE id = ?", id)
}

func (c *Chats) changeFolder(id int64, doing, statement string, args ...any) error {
	missing := fmt.Errorf("folder %d: %w", id, ErrNoFolder)
	if err := c.store.execOne(c.ctx, missing, statement, args...); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	c.signals.publish(ChatsChanged{})
	return nil
}

// ErrNoFolder is the error of a folder that is gone, for errors.Is.
var ErrNoFolder = errors.New("there is no such folder any more")

// Move puts a chat into a folder; 0 takes it out of its folder.
func (c *Chats) Move(id, folder int64) error {
	if folder == 0 {
		return c.change(id, "moving the chat", "UPDATE chats SET folder_id = NULL WHERE id = ?", id)
	}
	var there bool
	err := c.store.db.QueryRowContext(c.ctx, "SELECT EXISTS (SELECT 1 FROM folders WHERE id = ? AND deleted IS NULL)", folder).Scan(&there)
	if err == nil && !there {
		err = fmt.Errorf("folder %d: %w", folder, ErrNoFolder)
	}
	if err != nil {
		return fmt.Errorf("moving the chat: %w", err)
	}
	return c.change(id, "moving the chat", "UPDATE chats SET folder_id = ? WHERE id = ?", folder, id)
}

// Pin keeps a chat at the top of the list, or no longer.
func (c *Chats) Pin(id int64, on bool) error {
	return c.change(id, "pinning the chat", "UPDATE chats SET pinned = ? WHERE id = ?", since(on), id)
}

// Archive puts a chat away, out of List, or takes it out again. It keeps its folder.
func (c *Chats) Archive(id int64, on bool) error {
	return c.change(id, "archiving the chat", "UPDATE chats SET archived = ? WHERE id = ?", since(on), id)
}

// since is the column of something that is on since now, or off.
func since(on bool) any {
	if on {
		return time.Now().UnixMilli()
	}
	return nil
}

// DeleteAll deletes several chats at once, as Delete does.
func (c *Chats) DeleteAll(ids []int64) error {
	for _, id := range ids {
		c.Stop(id)
	}
	return c.changeAll(ids, "deleting the chats", "UPDATE chats SET deleted = ? WHERE id = ? AND deleted IS NULL", time.Now().UnixMilli())
}

// RestoreAll undoes DeleteAll.
func (c *Chats) RestoreAll(ids []int64) error {
	return c.changeAll(ids, "restoring the chats", "UPDATE chats SET deleted = ? WHERE id = ?", nil)
}

// changeAll runs a statement, with value and a chat's id, for every chat.
func (c *Chats) changeAll(ids []int64, doing, statement string, value any) error {
	err := c.store.transact(c.ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			if _, err := tx.ExecContext(c.ctx, statement, value, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	c.signals.publish(ChatsChanged{})
	return nil
}

// PutAway returns how many chats are archived, and how many deleted ones can be restored.
func (c *Chats) PutAway() (archived, deleted int, err error) {
	err = c.store.db.QueryRowContext(c.ctx, `SELECT count(*) FILTER (WHERE deleted IS NULL), count(*) FILTER (WHERE deleted IS NOT NULL)
		FROM chats WHERE archived IS NOT NULL OR deleted IS NOT NULL`).Scan(&archived, &deleted)
	if err != nil {
		return 0, 0, fmt.Errorf("counting the chats: %w", err)
	}
	return archived, deleted, nil
}
