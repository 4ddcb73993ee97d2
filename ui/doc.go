// Package ui is Burble's window: Fyne widgets on top of what package app knows. It holds no logic of chats.
package ui
