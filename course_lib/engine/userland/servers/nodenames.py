"""Names for nodes that nobody named: two words, drawn when the node starts.

There are a few thousand of them, so that two nodes of one lesson practically never share one.
"""

from __future__ import annotations

from random import Random

_FIRST = """
Amber Ancient Arctic Autumn Blue Bold Brass Bright Brisk Bronze Calm Cedar Clever Cobalt Copper
Coral Crimson Crystal Distant Dusty Early Eastern Ebony Electric Emerald Frosty Gentle Golden
Granite Hidden Hollow Indigo Iron Ivory Jade Keen Linden Little Lone Lucky Lunar Maple Marble
Merry Misty Mossy Noble Northern Olive Opal Pearl Polar Proud Quiet Rapid Rocky Ruby Rusty Sandy
Scarlet Silent Silver Sleepy Solar Southern Stormy Sunny Swift Tall Velvet Violet Western Wild
Windy Winter
"""
_SECOND = """
Albatross Antelope Badger Beaver Bison Bobcat Buzzard Caribou Cheetah Condor Cormorant Coyote
Crane Curlew Dingo Dolphin Falcon Ferret Finch Gannet Gazelle Gecko Gibbon Grouse Harrier Hedgehog
Heron Ibex Iguana Jackal Jaguar Kestrel Kingfisher Koala Lapwing Lemur Leopard Linnet Lynx Magpie
Mallard Marmot Marten Mongoose Moose Narwhal Newt Ocelot Oriole Osprey Otter Panther Pelican
Petrel Plover Puffin Python Quail Raccoon Raven Salamander Sandpiper Seal Sparrow Starling Stoat
Stork Swallow Tapir Tern Thrush Toucan Turtle Viper Vulture Walrus Weasel Wolverine Wombat Wren
"""


def node_name(random: Random) -> str:
    """A name such as ``Amber Heron``."""
    return f"{random.choice(_FIRST.split())} {random.choice(_SECOND.split())}"
