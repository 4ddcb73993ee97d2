# Packages, each by one target. They land in dist/. Version, name, id and icon come from FyneApp.toml.
#
#	make deb rpm tarball windows      what can be built on Linux
#	make appimage RUNTIME=FILE        with the runtime of AppImages, https://github.com/AppImage/type2-runtime/releases
#	make flatpak                      with flatpak-builder and its runtime
#	make mac                          on a Mac
#	make release                      everything that can be built here, with checksums and a list of parts (SBOM)
#	make install PREFIX=/usr/local    without a package; make uninstall takes it away again

export PACKAGE_VERSION = $(shell sed -n 's/^Version = "\(.*\)"/\1/p' FyneApp.toml)
export PACKAGE_ARCH    = $(shell $(GO) env GOARCH)
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || stat -c %Y FyneApp.toml)

PREFIX ?= /usr/local
NFPM    = $(GO) run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.0
STAGED  = burble-$(PACKAGE_VERSION)-linux-$(PACKAGE_ARCH)

# A release is built without the paths of the machine it is built on, so that anybody can build the same bytes.
RELEASE_FLAGS = -trimpath -buildvcs=false -tags $(TAGS) -ldflags '$(LDFLAGS) -buildid='
RELEASE_C     = CGO_CFLAGS="-O2 -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$$($(GO) env GOMODCACHE)=."

.PHONY: stage deb rpm tarball install uninstall windows appimage flatpak mac licences release sbom checksums always

# BINARY=burble packages a program that is built already. The go command knows better than make what has changed.
BINARY ?= dist/burble
dist/burble: always
	$(RELEASE_C) $(GO) build $(RELEASE_FLAGS) -o $@ .

stage: $(BINARY)
	rm -rf dist/stage
	$(GO) run ./assets/package stage -binary $(BINARY) -out dist/stage

deb: stage
	$(NFPM) package -f assets/package/nfpm.yaml -p deb -t dist/

rpm: stage
	$(NFPM) package -f assets/package/nfpm.yaml -p rpm -t dist/

# The archive holds the tree and the few lines that install it.
tarball: stage
	rm -rf dist/archive && mkdir -p dist/archive/$(STAGED)
	cp -a dist/stage/usr/. dist/archive/$(STAGED)/
	cp -p assets/package/install.mk dist/archive/$(STAGED)/Makefile
	tar -C dist/archive --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$(SOURCE_DATE_EPOCH) -cJf dist/$(STAGED).tar.xz $(STAGED)

install: stage
	$(MAKE) --no-print-directory -C dist/stage/usr -f $(CURDIR)/assets/package/install.mk install PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)

dist/stage/usr:
	@$(MAKE) --no-print-directory stage

uninstall: dist/stage/usr
	$(MAKE) --no-print-directory -C dist/stage/usr -f $(CURDIR)/assets/package/install.mk uninstall PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)

# Cross-built with mingw-w64 (Debian: gcc-mingw-w64-x86-64). The resources give the program its icon and version; the compiler's
# own libraries are linked in, because Windows has none of them.
windows:
	$(GO) run ./assets/package windows -out dist/windows
	x86_64-w64-mingw32-windres -I dist/windows dist/windows/burble.rc -O coff -o resources_windows_amd64.syso
	$(RELEASE_C) GOOS=windows GOARCH=amd64 CGO_ENABLED=1 CC=x86_64-w64-mingw32-gcc CXX=x86_64-w64-mingw32-g++ \
		$(GO) build $(subst -ldflags ',-ldflags '-H windowsgui -extldflags=-static ,$(RELEASE_FLAGS)) -o dist/windows/burble.exe . ; s=$$?; rm -f resources_windows_amd64.syso; exit $$s
	cp LICENSE dist/windows/ && gzip -dc assets/licences.txt.gz >dist/windows/licences.txt
	touch -d @$(SOURCE_DATE_EPOCH) dist/windows/*
	cd dist/windows && rm -f ../burble-$(PACKAGE_VERSION)-windows-amd64.zip && TZ=UTC zip -qX ../burble-$(PACKAGE_VERSION)-windows-amd64.zip burble.exe LICENSE licences.txt

# An AppImage is its runtime, a program that mounts what follows it, and a file system with the tree.
appimage: stage
	@command -v mksquashfs >/dev/null || { echo "make appimage needs mksquashfs (Debian: squashfs-tools)" >&2; exit 1; }
	@[ -f "$(RUNTIME)" ] || { echo "make appimage needs RUNTIME=FILE, the runtime of AppImages for this processor: https://github.com/AppImage/type2-runtime/releases" >&2; exit 1; }
	rm -rf dist/AppDir dist/AppDir.squashfs && mkdir -p dist/AppDir
	cp -a dist/stage/usr dist/AppDir/
	id=$$(sed -n 's/^ID = "\(.*\)"/\1/p' FyneApp.toml); \
	cp -p dist/stage/usr/share/applications/$$id.desktop dist/stage/usr/share/icons/hicolor/256x256/apps/$$id.png dist/AppDir/; \
	ln -s $$id.png dist/AppDir/.DirIcon
	ln -s usr/bin/burble dist/AppDir/AppRun
	mksquashfs dist/AppDir dist/AppDir.squashfs -noappend -root-owned -no-xattrs -comp zstd -Xcompression-level 19 -quiet -no-progress
	cat "$(RUNTIME)" dist/AppDir.squashfs >dist/burble-$(PACKAGE_VERSION)-$(shell uname -m).AppImage
	chmod 755 dist/burble-$(PACKAGE_VERSION)-$(shell uname -m).AppImage

flatpak: stage
	@command -v flatpak-builder >/dev/null || { echo "make flatpak needs flatpak-builder (Debian: flatpak-builder) and the runtime org.freedesktop.Platform" >&2; exit 1; }
	flatpak-builder --force-clean --state-dir=dist/flatpak-builder --repo=dist/flatpak-repo dist/flatpak assets/package/flatpak.yaml
	flatpak build-bundle dist/flatpak-repo dist/burble-$(PACKAGE_VERSION).flatpak $$(sed -n 's/^ID = "\(.*\)"/\1/p' FyneApp.toml)

mac: ## on a Mac, whose own tools compile the window
	$(RELEASE_C) $(GO) build $(RELEASE_FLAGS) -o dist/burble .
	$(GO) run ./assets/package mac -binary dist/burble -out dist
	codesign --force --sign - dist/Burble.app
	cd dist && hdiutil create -ov -volname Burble -srcfolder Burble.app -format UDZO burble-$(PACKAGE_VERSION)-macos-$(PACKAGE_ARCH).dmg

licences: ## after a change of dependencies
	$(GO) run ./assets/package licences -out assets/licences.txt.gz

# What is linked into the program for Linux: every module with its version, hash and licence, and the standard library, in CycloneDX.
sbom: $(BINARY)
	$(GO) run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.9.0 bin -json -licenses -std -noserial -version $(PACKAGE_VERSION) \
		-output dist/burble-$(PACKAGE_VERSION).cdx.json $(BINARY)
	$(GO) run ./assets/package sbom -binary $(BINARY) -out dist/burble-$(PACKAGE_VERSION).cdx.json

release: deb rpm tarball windows sbom
	@$(MAKE) --no-print-directory checksums

checksums:
	cd dist && find . -maxdepth 1 -name 'burble[-_]$(PACKAGE_VERSION)*' -type f -printf '%f\n' | LC_ALL=C sort | xargs sha256sum >SHA256SUMS && cat SHA256SUMS
