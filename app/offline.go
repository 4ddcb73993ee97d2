package app

import (
	"context"
	"fmt"
	"path/filepath"
)

// OpenChats opens the user's chats without a model to answer: for commands that list, export and import them. It can be used
// beside a window that is open. done closes them.
func OpenChats(ctx context.Context) (c *Chats, done func() error, err error) {
	return openChats(ctx, newPaths(Options{}))
}

func openChats(ctx context.Context, p Paths) (c *Chats, done func() error, err error) {
	if err := p.makeFolders(); err != nil {
		return nil, nil, err
	}
	i, err := newInstance(filepath.Join(p.Data, "running"))
	if err != nil {
		return nil, nil, fmt.Errorf("opening the chats in %s: %w", p.Data, err)
	}
	var s *store
	err = i.alone(func() error {
		s, err = tryStore(ctx, p.Chats, i.id, i.alive) // what is damaged is for an App to set aside, and to say so
		return err
	})
	if err != nil {
		i.close()
		return nil, nil, err
	}
	h := newHub()
	return newChats(ctx, s, nil, nil, h), func() error {
		h.close()
		err := s.close()
		i.close()
		return err
	}, nil
}
