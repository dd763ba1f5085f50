# SPDX-License-Identifier: MIT
# What the configuration of a process domain may say, and what is said of the rest.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
cd "$tmp"
mkdir images 'a,b' way,ro
ln -s images link
touch file
# process LINE..: a process domain with further lines, in bad.cfg.
process () { printf '%s\n' 'name="store"' 'type="process"' "$@" >bad.cfg; }
# becomes OPTIONS LINE..
becomes () {
	local options=$1; shift
	process "$@"
	"$sluice" create -n bad.cfg >out 2>err || fail "$*: $(cat err)"
	[ "$(cat out)" = "sluice boot --driver-process=store${options:+ $options}" ] || fail "$*: $(cat out)"
}
becomes ''
becomes '' 'driver_domain=1' 'devices=[ ]' 'directories=[ ]' 'interfaces=[ ]' 'servers=[ ]'
becomes '--uuid=01234567-89ab-cdef-0123-456789abcdef' 'uuid="01234567-89ab-cdef-0123-456789abcdef"'
becomes '--device=/dev/null --device=/dev/zero' 'devices=[ "/dev/null", "/dev/zero,rw" ]'
becomes "--directory=$tmp/images,rw" "directories=[ '$tmp/images' ]"
becomes "--directory=$tmp/images,ro" "directories=[ '$tmp/images/,ro' ]"
becomes "--directory=$tmp/link,rw" "directories=[ '$tmp/link' ]"
becomes "--directory=$tmp/a,b,rw" "directories=[ '$tmp/a,b' ]"
becomes "--directory=$tmp/way,ro,ro" "directories=[ '$tmp/way,ro,ro' ]"

bad () { local said=$1; shift; process "$@"; refuses "$said"; }
bad 'bad.cfg:3: memory is for vms: a process domain (type="process") has no vCPUs' 'memory=64'
bad 'bad.cfg:3: kernel is for vms' 'kernel="/boot/vmlinuz"'
bad 'bad.cfg:3: disk is for vms' 'disk=[ ]'
bad 'bad.cfg:3: memroy is no key of a process domain; sluice-create(1) lists them' 'memroy=64'
bad 'bad.cfg:4: vif is for vms' 'vcpus=1' 'vif=[ ]'
says err 'bad.cfg:3: vcpus is for vms' || fail "not all is said: $(cat err)"
bad 'bad.cfg:3: a process domain is a driver domain: driver_domain must be 1' 'driver_domain=0'
bad 'bad.cfg:3: driver_domain must be a number from 0 to 1' 'driver_domain="much"'
bad 'bad.cfg:3: uuid="1" has not the form' 'uuid="1"'
bad 'bad.cfg:3: the name "a b" is not possible' 'name="a b"'
bad 'bad.cfg:3: devices must be a list: devices=[ "/dev/sdb" ]' 'devices="/dev/null"'
bad 'bad.cfg:3: devices: each entry must be a string: devices=[ "/dev/sdb" ]' 'devices=[ [ "/dev/null" ] ]'
bad 'bad.cfg:3: devices: "dev/null": a path must begin with /' 'devices=[ "dev/null" ]'
bad 'bad.cfg:3: devices: "/nowhere": No such file or directory' 'devices=[ "/nowhere" ]'
bad 'it is a directory: name it in directories=' "devices=[ '$tmp/images' ]"
bad 'it is no device: name the directory that it is in in directories=' "devices=[ '$tmp/file' ]"
bad 'bad.cfg:3: devices: "/dev/null,ro": a device cannot be made read-only for one domain' 'devices=[ "/dev/null,ro" ]'
bad 'bad.cfg:3: directories must be a list: directories=[ "/srv/images,ro" ]' 'directories="/srv"'
bad 'bad.cfg:3: directories: "images": a path must begin with /' 'directories=[ "images" ]'
bad 'it is a file: name the directory that it is in' "directories=[ '$tmp/file' ]"
bad 'it is no directory: devices are named in devices=' 'directories=[ "/dev/null" ]'
bad 'bad.cfg:3: directories: "/": that would be all of the host' 'directories=[ "/" ]'
bad 'that would be all of the host' 'directories=[ "/usr/..,ro" ]'
bad 'that would be all devices' 'directories=[ "/dev/" ]'
bad "the kernel's own files are not for a process domain" 'directories=[ "/proc/self" ]'
bad "the kernel's own files are not for a process domain" 'directories=[ "/sys" ]'
bad 'bad.cfg:3: interfaces: "lo": each domain has its own lo' 'interfaces=[ "lo" ]'
bad 'bad.cfg:3: interfaces: "nosuch0": there is no such network interface; ip link shows them' 'interfaces=[ "nosuch0" ]'
bad 'bad.cfg:3: interfaces: "": there is no such network interface' 'interfaces=[ "" ]'
becomes '--bridge=xenbr0' 'bridges=[ "xenbr0" ]'
bad 'bad.cfg:3: bridges must be a list: bridges=[ "xenbr0=eth1" ]' 'bridges="xenbr0"'
bad "bad.cfg:3: bridges: \"a/b\": interfaces' names have no" 'bridges=[ "a/b" ]'
bad 'bad.cfg:3: bridges: "": an interface has no name' 'bridges=[ "" ]'
bad 'bad.cfg:3: bridges: "xenbr0=nosuch0": there is no such network interface' 'bridges=[ "xenbr0=nosuch0" ]'
bad 'bad.cfg:3: bridges: "xenbr0=lo": each domain has its own lo' 'bridges=[ "xenbr0=lo" ]'
becomes '--server=198.51.100.7:3260' 'servers=[ "198.51.100.7:3260" ]'
becomes "'--server=[2001:db8::7]:24007-24010' --server=127.0.0.1:80" 'servers=[ "[2001:db8::7]:24007-24010", "127.0.0.1:80" ]'
bad 'bad.cfg:3: servers must be a list: servers=[ "198.51.100.7:3260" ]' 'servers="198.51.100.7:3260"'
bad 'bad.cfg:3: servers: "198.51.100.7": it is not HOST:PORT' 'servers=[ "198.51.100.7" ]'
bad 'bad.cfg:3: servers: "0.0.0.0:1": that is no address of a server' 'servers=[ "0.0.0.0:1" ]'
bad 'bad.cfg:3: servers: "[fe80::1]:1": an address of one link' 'servers=[ "[fe80::1]:1" ]'
bad 'bad.cfg:3: servers: "127.0.0.1:1,a": one server each' 'servers=[ "127.0.0.1:1,a" ]'
bad 'bad.cfg:3: servers: "127.0.0.1:1-513": with this there are more than 64 addresses or 512 ports' 'servers=[ "127.0.0.1:1-513" ]'
bad 'bad.cfg:3: servers: "127.0.0.2:1-112": with this' 'servers=[ "127.0.0.1:1-401", "127.0.0.2:1-112" ]'
bad 'bad.cfg:3: servers: "unix:/run/nbd": a Unix socket is reached by its directory: name that in directories=' \
	'servers=[ "unix:/run/nbd" ]'
# Both of what is wrong in a list.
bad '"/nowhere"' 'devices=[ "/nowhere", "none" ]'
says err '"none": a path must begin with /' || fail "$(cat err)"
many=$(printf '"/dev/null",%.0s' $(seq 65))
bad 'devices: devices has more entries than are possible' "devices=[ ${many%,} ]"
printf 'type="process"\n' >bad.cfg
refuses 'bad.cfg: the name is missing'
config bad.cfg 'directories=[ "/srv" ]'
refuses 'bad.cfg:5: directories is for process domains: write type="process", or remove it'

# As options, without a file.
bad_boot () {
	local said=$1; shift
	! "$sluice" boot "$@" </dev/null >out 2>err || fail "taken: $*"
	says err "$said" || fail "$*: $(cat err)"
}
bad_boot 'store is a process domain: it has --uuid, --device, --directory, --interface, --bridge and --server' \
	--driver-process=store --memory=64
bad_boot 'guest is a vm: --device, --directory, --interface, --bridge and --server are for --driver-process' --kernel=/x --device=/dev/null
bad_boot '--driver-process=a b: a name has' --driver-process='a b'
bad_boot '--directory=images: a path must begin with /' --driver-process=store --directory=images
bad_boot 'interface x is there twice' --driver-process=store --interface=x --interface=x
bad_boot 'store: its servers have more than 512 ports' --driver-process=store --server=127.0.0.1:1-400 --server=127.0.0.2:1-200
bad_boot 'store: server "x": it is not HOST:PORT' --driver-process=store --server=x
bad_boot 'two vms are named store' --driver-process=store --driver-process=store
bad_boot 'store: at most 64 devices and directories' --driver-process=store $(printf -- '--device=/dev/null %.0s' $(seq 65))
assert_tidy
