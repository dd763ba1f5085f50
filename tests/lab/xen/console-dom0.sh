# SPDX-License-Identifier: MIT
# Stock xl: a guest's consoles are given to a driver domain. The primary one by the node that xl looks at, a
# further one as a channel. xl 4.17 counts channels from 0, which libxl refuses as the primary console's
# number, and goes on: so the first channel is there for nothing.

dom0_start
storage_domain ""
wait_said 120 storage 'storage is ready'
# From here on new guests' primary consoles are its own: xl grants it the ring and the port.
xenstore-write /tool/xenconsoled/domid 1
domain guest guest 192 "" "channel=['name=nothing,connection=pty,backend=storage', 'name=test,connection=pty,backend=storage']"
dump created
xl channel-list guest
wait_said 240 storage 'both backends were killed and followed'
dump killed
wait_gone 120 guest
removed console/2/0
removed console/2/1
dump ended
order stop
wait_gone 120 storage
