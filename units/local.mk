# SPDX-License-Identifier: MIT
# Units of systemd, and the Debian package: 'make deb'.
units = \
	units/sluice-driverd.service \
	units/sluice-guest@.service \
	units/sluice-metrics.service \
	$(NULL)
systemdunit_DATA += $(units)
CLEANFILES += $(units)
EXTRA_DIST += $(units:=.in)
$(units): %: %.in Makefile
	$(AM_V_GEN)$(MKDIR_P) units && sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@bindir[@]|$(bindir)|g' \
		$(srcdir)/$@.in >$@.tmp && mv $@.tmp $@

TESTS += tests/scripts/package-units.sh
dist_check_SCRIPTS += tests/scripts/package-units.sh

debian_files = \
	debian/changelog \
	debian/control \
	debian/copyright \
	debian/not-installed \
	debian/rules \
	debian/sluice.dirs \
	debian/sluice.install \
	debian/sluice-backends-gluster.install \
	debian/sluice-backends-iscsi.install \
	debian/sluice-backends-nbd.install \
	debian/sluice-backends.install \
	debian/source/format \
	$(NULL)
EXTRA_DIST += $(debian_files)

# From the tarball, in deb/ of the build tree, where the packages are then. The tests are 'make check'.
deb: dist
	$(AM_V_at)command -v dpkg-buildpackage >/dev/null && dpkg-query -W debhelper >/dev/null || \
		{ echo "make deb needs: apt-get install build-essential debhelper" >&2; exit 1; }
	$(AM_V_at)rm -rf deb && $(MKDIR_P) deb
	$(AM_V_at)tar -xJf $(distdir).tar.xz -C deb
	$(AM_V_at)test "`dpkg-parsechangelog -l deb/$(distdir)/debian/changelog -S Version`" = $(VERSION) || \
		{ echo "debian/changelog speaks of another version than configure.ac" >&2; exit 1; }
	$(AM_V_GEN)cd deb/$(distdir) && DEB_BUILD_OPTIONS="nocheck parallel=`nproc` $$DEB_BUILD_OPTIONS" \
		dpkg-buildpackage -us -uc -b >../build.log 2>&1 || { tail -n 40 ../build.log >&2; exit 1; }
	@ls deb/*.deb
clean-local-deb:
	rm -rf deb
clean-local: clean-local-deb

# Takes minutes, fetches packages, and needs root or user namespaces.
package_tests = tests/scripts/package-deb.sh
dist_noinst_SCRIPTS += $(package_tests)
check-deb: deb
	$(MAKE) $(AM_MAKEFLAGS) -j1 check-TESTS TESTS='$(package_tests)' TEST_SUITE_LOG=check-deb.log \
		check_PROGRAMS= check_LTLIBRARIES= dist_check_SCRIPTS=
check-long: check-deb
.PHONY: deb check-deb clean-local-deb
