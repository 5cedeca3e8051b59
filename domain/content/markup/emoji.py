"""Names of emoji, as Slack, Confluence and Markdown write them between colons.

The usual ones, by the short names of https://github.com/iamcal/emoji-data, which Slack uses, and the names of
Confluence's emoticons. A name that is not listed stays as it is: an installation's own emoji have no character.
"""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = re.compile(r":(?<![\w:]:)([a-z0-9_+-]{1,40}):|:(?<=[^\s\w]:)(skin-tone-[2-6]):")
_LISTED: Final = (
    "+1 👍|thumbsup 👍|thumbs-up 👍|-1 👎|thumbsdown 👎|thumbs-down 👎|ok_hand 👌|clap 👏|pray 🙏|"
    "raised_hands 🙌|wave 👋|muscle 💪|point_up ☝️|point_up_2 👆|point_down 👇|point_right 👉|"
    "point_left 👈|raised_hand ✋|v ✌️|crossed_fingers 🤞|handshake 🤝|eyes 👀|brain 🧠|bow 🙇|shrug 🤷|"
    "facepalm 🤦|face_palm 🤦|ninja 🥷|smile 😄|smiley 😃|grinning 😀|grin 😁|laughing 😆|joy 😂|rofl 🤣|"
    "slightly_smiling_face 🙂|wink 😉|blush 😊|heart_eyes 😍|sunglasses 😎|thinking_face 🤔|thinking 🤔|"
    "sweat_smile 😅|sweat 😓|sob 😭|cry 😢|scream 😱|worried 😟|confused 😕|disappointed 😞|angry 😠|rage 😡|"
    "sad 🙁|slightly_frowning_face 🙁|neutral_face 😐|upside_down_face 🙃|melting_face 🫠|"
    "partying_face 🥳|star-struck 🤩|zany_face 🤪|exploding_head 🤯|face_with_monocle 🧐|nerd_face 🤓|"
    "sleeping 😴|mask 😷|face_with_rolling_eyes 🙄|saluting_face 🫡|hugging_face 🤗|cheeky 😛|laugh 😂|"
    "hear_no_evil 🙉|see_no_evil 🙈|robot_face 🤖|robot 🤖|ghost 👻|alien 👽|skull 💀|poop 💩|hankey 💩|"
    "heart ❤️|green_heart 💚|blue_heart 💙|yellow_heart 💛|broken_heart 💔|100 💯|fire 🔥|boom 💥|"
    "sparkles ✨|star ⭐|star2 🌟|zap ⚡|tada 🎉|confetti_ball 🎊|rocket 🚀|trophy 🏆|medal 🏅|dart 🎯|gift 🎁|"
    "birthday 🎂|cake 🍰|beers 🍻|beer 🍺|coffee ☕|pizza 🍕|cookie 🍪|popcorn 🍿|champagne 🍾|"
    "white_check_mark ✅|heavy_check_mark ✔️|check_mark ✔️|tick ✅|ballot_box_with_check ☑️|x ❌|"
    "cross ❌|cross_mark ❌|negative_squared_cross_mark ❎|warning ⚠️|rotating_light 🚨|no_entry ⛔|"
    "no_entry_sign 🚫|stop_sign 🛑|octagonal_sign 🛑|construction 🚧|exclamation ❗|bangbang ‼️|"
    "question ❓|information_source ℹ️|information ℹ️|plus ➕|heavy_plus_sign ➕|minus ➖|"  # noqa: RUF001 - a sign, and not a letter
    "heavy_minus_sign ➖|recycle ♻️|arrows_counterclockwise 🔄|repeat 🔁|red_circle 🔴|"  # noqa: RUF001 - a sign, and not a letter
    "large_blue_circle 🔵|blue_circle 🔵|large_green_circle 🟢|green_circle 🟢|large_yellow_circle 🟡|"
    "yellow_circle 🟡|large_orange_circle 🟠|white_circle ⚪|black_circle ⚫|arrow_up ⬆️|arrow_down ⬇️|"
    "arrow_left ⬅️|arrow_right ➡️|arrow_forward ▶️|rewind ⏪|fast_forward ⏩|new 🆕|ok 🆗|sos 🆘|soon 🔜|"
    "up 🆙|one 1️⃣|two 2️⃣|three 3️⃣|four 4️⃣|five 5️⃣|bug 🐛|beetle 🐞|ant 🐜|snail 🐌|turtle 🐢|cat 🐱|"
    "dog 🐶|parrot 🦜|unicorn_face 🦄|unicorn 🦄|whale 🐳|penguin 🐧|snake 🐍|crab 🦀|gopher 🐹|elephant 🐘|"
    "bee 🐝|spider 🕷️|duck 🦆|owl 🦉|bulb 💡|light-on 💡|light-off 💡|idea 💡|memo 📝|pencil 📝|pencil2 ✏️|"
    "page_facing_up 📄|clipboard 📋|calendar 📅|date 📅|spiral_calendar_pad 🗓️|books 📚|book 📖|"
    "bookmark 🔖|pushpin 📌|round_pushpin 📍|paperclip 📎|link 🔗|scissors ✂️|lock 🔒|unlock 🔓|key 🔑|"
    "mag 🔍|mag_right 🔎|bell 🔔|no_bell 🔕|loudspeaker 📢|mega 📣|speech_balloon 💬|thought_balloon 💭|"
    "email 📧|e-mail 📧|envelope ✉️|inbox_tray 📥|outbox_tray 📤|package 📦|phone ☎️|"
    "telephone_receiver 📞|computer 💻|desktop_computer 🖥️|keyboard ⌨️|floppy_disk 💾|cd 💿|"
    "electric_plug 🔌|battery 🔋|satellite_antenna 📡|chart_with_upwards_trend 📈|"
    "chart_with_downwards_trend 📉|bar_chart 📊|moneybag 💰|money_with_wings 💸|credit_card 💳|dollar 💵|"
    "receipt 🧾|hammer 🔨|wrench 🔧|hammer_and_wrench 🛠️|gear ⚙️|toolbox 🧰|test_tube 🧪|microscope 🔬|"
    "syringe 💉|pill 💊|stethoscope 🩺|hospital 🏥|adhesive_bandage 🩹|ambulance 🚑|fire_engine 🚒|"
    "police_car 🚓|checkered_flag 🏁|triangular_flag_on_post 🚩|white_flag 🏳️|rainbow 🌈|sunny ☀️|"
    "cloud ☁️|umbrella ☔|snowflake ❄️|ocean 🌊|earth_africa 🌍|earth_americas 🌎|earth_asia 🌏|"
    "globe_with_meridians 🌐|seedling 🌱|deciduous_tree 🌳|palm_tree 🌴|four_leaf_clover 🍀|house 🏠|"
    "house_with_garden 🏡|office 🏢|factory 🏭|bank 🏦|airplane ✈️|car 🚗|bike 🚲|ship 🚢|anchor ⚓|"
    "alarm_clock ⏰|stopwatch ⏱️|hourglass ⌛|hourglass_flowing_sand ⏳|clock1 🕐|crystal_ball 🔮|"
    "magic_wand 🪄|jigsaw 🧩|game_die 🎲|video_game 🎮|art 🎨|musical_note 🎵|headphones 🎧|microphone 🎤|"
    "movie_camera 🎥|camera 📷|tv 📺|newspaper 📰|label 🏷️|ticket 🎫|wastebasket 🗑️|broom 🧹|shield 🛡️|"
    "crown 👑|gem 💎|balloon 🎈|skin-tone-2 🏻|skin-tone-3 🏼|skin-tone-4 🏽|skin-tone-5 🏾|skin-tone-6 🏿"
)
_EMOJI: Final = dict(pair.split() for pair in _LISTED.split("|"))


def find_emoji(name: str) -> str | None:
    """The emoji of a name without its colons; None when the name is not one of the usual ones."""
    return _EMOJI.get(name)


def replace_emoji_names(text: str) -> str:
    """Replace each `:name:` that is the name of a usual emoji."""
    return _NAME.sub(lambda found: _EMOJI.get(found[1] or found[2], found[0]), text) if ":" in text else text
