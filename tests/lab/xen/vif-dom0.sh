# SPDX-License-Identifier: MIT
# Stock xl: interfaces of a driver domain, for a guest from its start, and attached and detached while it
# runs; the backend is killed; another guest is destroyed while it sends.
# vif NUMBER [MORE]: with xl's own script, vif-bridge, unless MORE names another
vif () { echo "mac=00:16:3e:00:00:$1,backend=storage,bridge=xenbr0${2:+,$2}"; }

dom0_start
storage_domain ""
wait_said 120 storage 'network is ready'
domain guest guest 192 mode=work "vif=['$(vif 11)']"
dump created
wait_said 240 guest 'the interface works'
dump connected
wait_said 60 guest 'LAB guest .* sending'
sleep 1
order kill
wait_said 60 storage 'killed'
step xl network-attach guest $(vif 12 script=vif-lab | tr , ' ')
wait_said 240 guest 'the second interface works'
dump attached
xl network-list guest
step xl network-detach guest 1
removed vif/2/1
wait_said 240 guest 'the guest is content'
wait_gone 120 guest
removed vif/2/0
domain writer guest 192 mode=load "vif=['$(vif 13 script=vif-lab)']"
wait_said 240 writer 'sending without end'
sleep 1
step xl destroy writer
removed vif/3/0
xenstore-exists /local/domain/3 && fail "the guest's directory is left behind"
dump destroyed
order stop
wait_gone 120 storage
