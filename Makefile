# The face of the project: what a person types. Meson and npm do the work.
#
#   make demo        photos to a video through the whole pipeline, on this machine (PHOTOS=folder)
#   make serve       the server, until Ctrl-C
#   make test        every test that belongs to a change, under sanitizers
#   make test-long   the tests that take longer
#   make bench       the measured comparison with the ffmpeg command line
#   make bench-host  what the function host costs: starts, dispatch, invocations a second
#   make bench-page  how quick the page is with 2,000 photos
#   make fuzz        every fuzzer for a while (SECONDS_EACH=60)
#   make screenshots pictures of the page's states, into docs/screenshots
#   make format      clang-format over the sources
#   make lint        format, layers, headers, banned functions, clang-tidy
#   make install     to PREFIX (/usr/local), below DESTDIR where given

PREFIX ?= /usr/local
PHOTOS ?=
SECONDS_EACH ?= 60
SETUP = tools/install-packages

.PHONY: all demo serve test screenshots test-unit test-system test-long bench bench-host bench-page fuzz format lint install clean

all:
	@$(SETUP) build
	@tools/build build

demo: all
	@tools/demo $(PHOTOS)

serve: all
	@build/tachyscope serve

test:
	@$(SETUP) build test
	@tools/run-tests

test-long:
	@$(SETUP) build test
	@tools/run-tests long

bench-page:
	@$(SETUP) build test
	@tools/build build
	@tools/install-modules tests/system
	@node bench/page.mjs

screenshots:
	@$(SETUP) build test
	@tools/build build
	@tools/install-modules tests/system
	@node tests/system/screenshots.mjs docs/screenshots

bench:
	@$(SETUP) build test bench
	@tools/build build -Dtests=true
	@bench/run

bench-host:
	@$(SETUP) build test
	@tools/build build -Dtests=true
	@bench/run-host

fuzz:
	@$(SETUP) build test
	@tools/fuzz $(SECONDS_EACH)

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

lint:
	@$(SETUP) build test
	@tools/lint

install:
	@$(SETUP) build
	@tools/build build --prefix '$(PREFIX)'
	@DESTDIR='$(DESTDIR)' meson install -C build --no-rebuild --quiet
	@install -d '$(DESTDIR)$(PREFIX)/share/tachyscope/web'
	@cp -r --preserve=timestamps build/web/. '$(DESTDIR)$(PREFIX)/share/tachyscope/web/'
	@echo "installed to $(DESTDIR)$(PREFIX)"

clean:
	rm -rf build build-sanitized build-threads build-fuzz
