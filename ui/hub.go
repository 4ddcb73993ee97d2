package ui

import (
	"context"

	"burble/app/hub"
	"burble/app/secret"
)

// Hub is what the window needs of app.Hub, which says what the methods do. Those with a context, Machine, and those about the
// token may take long: they are called beside the window.
type Hub interface {
	Parse(text string) hub.Reference
	Search(ctx context.Context, words string) ([]hub.Found, error)
	Repository(ctx context.Context, name, revision string) (hub.Repository, error)
	Beside(ctx context.Context, r hub.Repository) (int64, error)
	Machine() hub.Machine
	Suggestions() []hub.Suggestion
	Page(repo string) string
	TokenPage() string
	Downloads() []hub.Download
	Download(r hub.Repository, m hub.Model) (int64, error)
	Pause(id int64)
	Resume(id int64)
	Remove(id int64)
	HasToken() bool
	SetToken(token string) error
	TokenPlace() secret.Place
	Here(r hub.Repository, m hub.Model) bool
}
