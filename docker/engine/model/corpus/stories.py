"""Small stories: someone, somewhere, wants something, meets a trouble, is helped, and the day ends."""

import random

from grammar import expand, sentence, with_article

PEOPLE = [("Mira", "she", "her"), ("Tom", "he", "his"), ("Ada", "she", "her"), ("Ben", "he", "his"), ("Lena", "she", "her"),
          ("Omar", "he", "his"), ("Rosa", "she", "her"), ("Finn", "he", "his"), ("Nora", "she", "her"), ("Sam", "he", "his"),
          ("Ines", "she", "her"), ("Karl", "he", "his"), ("Yuki", "she", "her"), ("Paul", "he", "his")]
ANIMALS = ["fox", "cat", "dog", "owl", "mouse", "bear", "bird", "rabbit", "duck", "horse", "hedgehog", "crow", "dragon", "wolf", "turtle", "bee",
           "frog", "goat", "elephant", "lion", "penguin", "unicorn", "dinosaur", "fish", "princess", "king", "wizard", "pirate", "witch", "giant", "ghost", "teacher",
           "farmer", "miner", "child", "sailor", "knight", "monkey", "squirrel", "spider", "snail", "whale", "cow", "pig", "sheep", "tiger"]
THINGS = ["robot", "lamp", "kettle", "rig", "fan", "clock", "lighthouse", "computer", "radio", "wind turbine", "heater", "train", "GPU", "tree", "star", "cloud", "car",
          "ship", "house", "battery", "rocket", "stone", "river", "mountain", "flower", "boat", "bridge", "toaster", "phone", "coin", "moon", "snowman", "pumpkin", "book"]
FEELINGS = ["small", "old", "young", "shy", "brave", "tired", "curious", "quiet", "clever", "lonely", "happy", "sleepy"]
PLACES = ["in a {small|quiet|grey|sunny} {town|village}", "on {top of|the side of} a {green|windy|high} hill", "near the {cold|wide|blue} sea",
          "by a {slow|clear} river", "at the edge of a {dark|deep|great} forest", "in an {old|empty} {workshop|barn|factory}",
          "in a {warm|dusty|noisy} room full of {machines|computers|fans}", "behind the {old mill|power station|train station}"]
WEATHER = ["it was raining", "the snow was deep", "the sun was hot", "a strong wind blew", "the fog was thick", "a storm came near",
           "the sky was clear", "the night was cold", "it was a warm evening", "the first leaves fell"]
WANTS = [("find a warm place to sleep", "a warm place"), ("learn how to sing", "a song"), ("see the sea", "the sea"),
         ("make a new friend", "a friend"), ("mend the broken fan", "a working fan"), ("find the lost key", "the key"),
         ("bring light to the village", "light"), ("build a small boat", "a boat"), ("grow a red tomato", "a tomato"),
         ("count the stars", "the stars"), ("keep the house warm", "a warm house"), ("find out who made the noise", "an answer"),
         ("write a letter to the moon", "a letter"), ("bake bread for everyone", "bread"), ("fix the old radio", "music")]
TROUBLES = ["the {power|light} went out", "the {path|road} was {closed|covered with snow}", "nobody {answered|would listen}", "the {door|gate} was locked",
            "it {began to rain|got dark very early}", "{everything|all} went quiet", "the {bridge|old bridge} was {broken|gone}", "the {fan|wheel} {stopped|made a strange noise}",
            "the {bill|electricity bill} was far too high", "the wind {stopped|went to sleep}", "the map was wet and nobody could read it"]
GIFTS = ["a lantern", "a long rope", "a cup of hot tea", "a small key", "a piece of bread", "an old map", "a new fuse", "a warm blanket", "a kind word", "a good idea"]
LESSONS = ["{a small light is better than none|even a small light helps}", "{it is good to ask|asking is not a weakness}", "{waiting can be work too|some things need time}",
           "{two can do more than one|together it is easier}", "{a quiet fan is a happy fan|care is better than repair}", "{the cheapest power is the power you do not use|it is wise to waste nothing}",
           "{home is where it is warm|the way home is always shorter}", "{a friend is worth more than a coin|coins come and go, but friends stay}"]


def hero(rng: random.Random, topic: str | None) -> dict[str, str]:
    """Names and pronouns stay the same through the whole story."""
    if topic is None and rng.random() < 0.45:
        name, they, their = rng.choice(PEOPLE)
        age = rng.choice(["a young woman", "a girl", "an engineer", "a farmer"] if they == "she" else ["a young man", "a boy", "an engineer", "a farmer"])
        return {"intro": f"{age} {{named|called}} {name}", "name": name, "they": they, "their": their, "kind": "person"}
    kind = topic or rng.choice(ANIMALS + THINGS)
    they, their = ("it", "its") if kind in THINGS or rng.random() < 0.4 else rng.choice([("he", "his"), ("she", "her")])
    return {"intro": with_article(f"{rng.choice(FEELINGS)} {kind}"), "name": f"the {kind}", "they": they, "their": their, "kind": kind}


def story(rng: random.Random, topic: str | None = None, length: int | None = None) -> str:
    who = hero(rng, topic)
    other = rng.choice([kind for kind in ANIMALS + THINGS if kind != who["kind"]])
    wish, prize = rng.choice(WANTS)
    words = {"n": who["name"], "N": sentence(who["name"]), "they": who["they"], "They": sentence(who["they"]), "their": who["their"],
             "other": f"the {other}", "Other": f"The {other}", "aother": with_article(f"{rng.choice(FEELINGS)} {other}"), "place": rng.choice(PLACES),
             "weather": rng.choice(WEATHER), "weather2": rng.choice(WEATHER), "wish": wish, "prize": prize,
             "trouble": rng.choice(TROUBLES), "gift": rng.choice(GIFTS), "lesson": rng.choice(LESSONS), "intro": who["intro"]}
    # Words may hold alternatives of their own, so variables are filled in before the choices are made.
    for key, value in words.items():
        words[key] = expand(rng, value)
    steps = [
        "{Once upon a time|Once|Long ago|One day|Not long ago}{, | }there was $intro {who lived|that lived} $place." if who["kind"] != "person"
        else "{Once upon a time|Once|Long ago|Not long ago}{, | }there was $intro who lived $place.",
        "{Every day|All the time|More than anything|For a long time}, $n wanted to $wish.",
        "{One {morning|evening|night}|That day|On a {Monday|Friday|Sunday}}, $weather, and $n {went out|set out|left home|began} to $wish.",
        "{But|But soon|Then|After a while,} $trouble.",
        "\"{What shall I do now|What can I do|Oh no, what now}?\" {said|asked|thought} $n.",
        "{Just then|At that moment|Soon}, $aother {came along|came by|looked around the corner}.",
        "\"{Do not worry|Do not be afraid|Be calm|Wait a moment},\" said $other. \"{I can help you|I know what to do|We can do it together}.\"",
        "$Other {gave|handed} $n $gift, and {together they|the two of them} {walked|worked|went on} {until {dawn|night|evening}|for a long time|all day}.",
        "{In the end|At last|When {morning|evening} came}, $they {found|had} $prize, and {everyone was glad|$n was happy|$n smiled}.",
        "{From that day on|Since then|After that}, $n and $other {were friends|met every {week|evening}|never felt alone}.",
        "{And $n {learned|knew} that|$N {often|always} said that|So remember:} $lesson.",
        "{The end.|Good night.|That is the story.||}",
    ]
    wanted = length or rng.choice([5, 7, 9, 12, 12, 12])
    keep = {5: [0, 1, 3, 8, 10], 7: [0, 1, 3, 5, 7, 8, 10], 9: [0, 1, 2, 3, 4, 5, 6, 7, 8]}.get(wanted, range(12))
    return " ".join(text for index in keep if (text := expand(rng, steps[index], words)))
