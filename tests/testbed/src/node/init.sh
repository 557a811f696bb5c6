# The first process of a node's namespaces: it makes them a machine of their own,
# then stays, because they end with it.
#   FOLDER  the node's files        NAME  the node's name
#   BRIDGE  the bridge's address, with the length of its network's prefix
#   SERVICES  the addresses of services
set -eu
cd "$FOLDER"
hostname "$NAME"

# What the container runtime and the kubelet write where every machine has it
# goes into this node's own folder.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/netns
for place in /var/lib/containerd /var/lib/kubelet /var/log; do
	mkdir -p "$place" "$FOLDER/disk$place"
	mount --bind "$FOLDER/disk$place" "$place"
done
# Volumes that the kubelet mounts are seen by the containers.
mount --make-rshared /var/lib/kubelet

# The kubelet insists on some settings of the kernel. They are the whole
# machine's, so it is shown files that say what it wants to read.
pretend() {
	if [ -e "/proc/sys/$1" ]; then
		mkdir -p "/run/settings/$(dirname "$1")"
		echo "$2" >"/run/settings/$1"
		mount --bind "/run/settings/$1" "/proc/sys/$1"
	fi
}
pretend vm/overcommit_memory 1
pretend vm/panic_on_oom 0
pretend kernel/panic 10
pretend kernel/panic_on_oops 1
pretend kernel/keys/root_maxkeys 1000000
pretend kernel/keys/root_maxbytes 25000000

# A network without a way out: itself and a bridge for its pods. Services have
# addresses that only rules know, so something must lead to those rules; for
# every other address it is said at once that nothing does.
ip link set lo up
ip link add cni0 type bridge
ip address add "$BRIDGE" dev cni0
ip link set cni0 up
ip route add "$SERVICES" dev cni0
echo 1 >/proc/sys/net/ipv4/ip_forward

touch "$FOLDER/made"
# Orphans of this namespace become its children.
while :; do
	wait
	sleep 1
done
