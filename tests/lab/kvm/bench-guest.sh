# SPDX-License-Identifier: MIT
# Measures in the guest, on its second disk.
disk=$(arg on)
disk=${disk%a}b
# fio NAME OPTION..: reads for 4 s after 1 s of warming up; the third-version terse line has what we want
measure () {
	_what=$1; shift
	fio --name="$_what" --filename="$disk" --direct=1 --ioengine=libaio --runtime=4 --ramp_time=1 --time_based \
		--readonly --output-format=terse --terse-version=3 "$@" |
		awk -F ';' -v w="$_what" '{ print "BENCH " w " " $8 " IOPS"; print "BENCH " w " " $7 " KiB/s" }'
}
[ "$(arg what)" = fio ] || exit 0
wait_for 10 test -b "$disk" || fail "$disk did not appear"
measure randread-4k --rw=randread --bs=4k --iodepth=32
measure read-1m --rw=read --bs=1m --iodepth=4
